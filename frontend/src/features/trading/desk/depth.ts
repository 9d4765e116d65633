import { defineStore } from 'pinia'
import { ref } from 'vue'

import type { Message } from '../../../live/socket'
import { sum } from '../../../words/decimal'

/** Prices with quantities, best first. */
export type Levels = [price: string, quantity: string][]

export interface Depth {
  symbol: string
  /** When the exchange last told the book, in seconds. */
  at: number
  bids: Levels
  asks: Levels
  trades: { id: number; price: string; quantity: string; at: number }[]
}

/** The depth and the tape of the market that is looked at, as last told. */
export const useDepth = defineStore('depth', () => {
  const depth = ref<Depth | null>(null)

  function take(message: Message): void {
    depth.value = (message.items[0] as Depth | undefined) ?? null
  }

  return { depth, take }
})

export interface Rung {
  price: string
  quantity: string
  /** What is offered up to here, as a share of all that is shown. */
  share: number
}

/** The best levels of one side, with what they add up to. */
export function ladder(levels: Levels, most: number): Rung[] {
  let all = '0'
  const rungs = levels.slice(0, most).map(([price, quantity]) => ({ price, quantity, here: (all = sum([all, quantity])) }))
  const whole = Number(all) || 1
  return rungs.map(({ price, quantity, here }) => ({ price, quantity, share: Number(here) / whole }))
}

/** The way that the price went with a trade, compared with the one before it. */
export function ticked(trades: Depth['trades'], place: number): 'up' | 'down' | '' {
  const [here, before] = [trades[place], trades[place + 1]]
  if (!here || !before || here.price === before.price) return ''
  return Number(here.price) > Number(before.price) ? 'up' : 'down'
}
