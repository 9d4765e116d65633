import { defineStore } from 'pinia'
import { ref } from 'vue'

import { type Position, type Trade, api, inTime, problemOf } from '../../../api/client'

/** Another stop or target of a position, as its owner saw it when the change began. */
export interface Protecting {
  kind: 'protection'
  position: Position
  stop_loss: string
  take_profit: string
}

/** Another price or quantity of an order, as its owner saw it when the change began. */
export interface Amending {
  kind: 'order'
  order: Trade
  quantity: string
  price: string
  stop_price: string
}

export type Change = Protecting | Amending
const KEPT = 'aristobot.unconfirmed'

/** An amount without superfluous zeros, as a field shows it. */
const plain = (amount: string | null): string => (amount?.includes('.') ? amount.replace(/\.?0+$/, '') : (amount ?? ''))

/** What is typed, or null for what stays as it is. */
const other = (typed: string, before: string | null): string | null => (typed.trim() === '' || typed.trim() === plain(before) ? null : typed.trim().replace(',', '.'))

/** Changes of stops, targets and resting orders: by number or by dragging a line, confirmed unless that is switched off. */
export const useChanges = defineStore('changes', () => {
  const asked = ref<Change | null>(null)
  /** True while dragged lines are taken without a question: for this session, and shown in the header. */
  const unconfirmed = ref(sessionStorage.getItem(KEPT) === 'yes')
  let request = ''

  const renew = (): void => void (request = crypto.randomUUID())

  function ask(change: Change): void {
    renew()
    asked.value = change
  }

  const protect = (position: Position, moved: Partial<Protecting> = {}): Protecting => ({
    kind: 'protection', position: { ...position }, stop_loss: plain(position.stop_loss), take_profit: plain(position.take_profit), ...moved,
  })
  const amend = (order: Trade, moved: Partial<Amending> = {}): Amending => ({
    kind: 'order', order: { ...order }, quantity: plain(order.quantity), price: plain(order.price), stop_price: plain(order.stop_price), ...moved,
  })

  function confirm(on: boolean): void {
    unconfirmed.value = !on
    sessionStorage.setItem(KEPT, on ? '' : 'yes')
  }

  function bodyOf({ order, quantity, price, stop_price }: Amending, dry: boolean) {
    const seen = { quantity: order.quantity, price: order.price, stop_price: order.stop_price }
    const wanted = { quantity: other(quantity, order.quantity), price: other(price, order.price), stop_price: other(stop_price, order.stop_price) }
    return { request, wanted, seen, filled: order.filled, dry }
  }

  /** Whether an order would keep its place in the queue; undefined when it could not be changed so. */
  async function keepsQueue(change: Amending): Promise<boolean | undefined> {
    const params = { path: { order: change.order.id } }
    const { data } = await inTime((signal) => api.POST('/api/orders/{order}/amend', { params, body: bodyOf(change, true), signal }))
    return data?.keeps_queue
  }

  /** Carry a change out; returns what is wrong, undefined for nothing. The same request is never carried out twice. */
  async function carryOut(change: Change): Promise<unknown> {
    if (change.kind === 'order') {
      const params = { path: { order: change.order.id } }
      return (await inTime((signal) => api.POST('/api/orders/{order}/amend', { params, body: bodyOf(change, false), signal }))).error
    }
    const { position } = change
    const body = {
      request, stop_loss: other(change.stop_loss, position.stop_loss), take_profit: other(change.take_profit, position.take_profit),
      seen: { stop_loss: position.stop_loss, take_profit: position.take_profit },
    }
    return (await inTime((signal) => api.POST('/api/positions/{position}/protection', { params: { path: { position: position.id } }, body, signal }))).error
  }

  /** Carry out a line that was dragged, if no question is wanted; returns the problem's code, null when it was asked. */
  async function drop(change: Change): Promise<string | null | undefined> {
    ask(change)
    if (!unconfirmed.value) return null
    asked.value = null
    const problem = await carryOut(change)
    return problem === undefined ? undefined : problemOf(problem).code
  }

  return { asked, unconfirmed, ask, renew, protect, amend, confirm, keepsQueue, carryOut, drop }
})
