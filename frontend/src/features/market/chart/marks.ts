import type { UTCTimestamp } from 'lightweight-charts'
import { type ComputedRef, computed } from 'vue'
import { useI18n } from 'vue-i18n'

import type { Position, Trade } from '../../../api/client'
import { useTopic } from '../../../live/topics'
import { useBrokers } from '../../people/brokers/store'
import { resultAt } from '../../trading/changes/result'
import { type Change, useChanges } from '../../trading/changes/store'
import { usePositions } from '../../trading/positions/store'
import { useExecuted } from '../../trading/trades/executed'
import { useWebhooks } from '../../webhooks/store'
import { useTrades } from '../../trading/trades/store'
import { change, quantity, signed } from '../../../words/format'
import { baseOf, quoteOf } from '../../trading/trades/words'
import { opening } from './bars'

/** What a line is that may be dragged: the ticks on which it moves, what it says there, and the change that it stands for. */
export interface Grip {
  tick: string
  says: (price: string) => string
  change: (price: string) => Change
}

/** A price at which something stands. */
export interface Level {
  id?: string
  price: number
  title: string
  tone: 'grey' | 'up' | 'down' | 'blue'
  grip?: Grip
}

/** A trade of ours (an arrow), or a signal that a webhook brought (a dot). */
export interface Mark {
  at: UTCTimestamp
  kind: 'trade' | 'signal'
  buys: boolean
  title: string
  tone: 'up' | 'down' | 'blue' | 'orange'
}

/** The requester of the orders that protect a position. */
const PROTECTION = 'Protection'
const SIGNALS = new Set(['BuyMarket', 'BuyLimit', 'SellMarket', 'SellLimit', 'MAJ'])
/** `BINANCE:BTCUSDT` and `BTC/USDT` are the same pair. */
const bare = (pair: string): string => pair.split(':').at(-1)?.replace('/', '').toUpperCase() ?? ''

/**
 * What its user has in a market: entries, stops and targets of positions, open orders, and trades. With ticks, stops,
 * targets and orders of one's own may be dragged.
 */
export function useMarks(symbol: ComputedRef<string>, minutes: ComputedRef<number>, tick: () => string | null) {
  const { t } = useI18n()
  const positions = usePositions()
  const orders = useTrades()
  const executed = useExecuted()
  const brokers = useBrokers()
  const webhooks = useWebhooks()
  const changes = useChanges()
  useTopic('webhooks')
  const of = (broker: number): string => (brokers.rows.length > 1 ? ` ${brokers.nameOf(broker)}` : '')

  /** A stop or a target, with what the position makes there. */
  function protection(row: Position, name: 'stop_loss' | 'take_profit', tone: Level['tone']): Level[] {
    const at = row[name]
    if (at === null) return []
    const says = (price: string): string => {
      const result = resultAt(row, price)
      return `${t(`positions.${name}`)}${of(row.broker_id)}${result ? ` ${signed(result.amount, quoteOf(row.symbol))} (${change(result.percent)})` : ''}`
    }
    const ticks = row.owner === 'external' ? null : tick()
    const grip = ticks === null ? {} : { grip: { tick: ticks, says, change: (price: string) => changes.protect(row, { [name]: price }) } }
    return [{ id: `${row.id} ${name}`, price: Number(at), title: says(at), tone, ...grip }]
  }

  /** A resting order. Those that protect are moved with their position. */
  function resting(row: Trade): Level[] {
    const name = row.stop_price === null ? 'price' : 'stop_price'
    const at = row[name]
    if (at === null) return []
    const title = `${t(`sides.${row.side}`)} ${row.quantity === null ? '' : `${quantity(row.quantity)}\u00a0${baseOf(row.symbol)}`}${of(row.broker_id)}`
    const own = row.state === 'open' && row.requester !== PROTECTION && row.source !== 'external' && row.quantity !== null && !row.cancel_requested
    const ticks = own ? tick() : null
    const grip = ticks === null ? {} : { grip: { tick: ticks, says: () => title, change: (price: string) => changes.amend(row, { [name]: price }) } }
    return [{ id: row.id, price: Number(at), title, tone: 'blue', ...grip }]
  }

  const levels = computed<Level[]>(() => {
    const held = positions.rows.filter((row) => row.symbol === symbol.value)
    const protective = new Set(held.flatMap((row) => [row.stop_loss, row.take_profit].map(Number)))
    return [
      ...held.flatMap((row) => [
        { id: `${row.id} entry`, price: Number(row.average_entry), title: `${t('chart.entry')}${of(row.broker_id)}`, tone: 'grey' as const },
        ...protection(row, 'stop_loss', 'down'),
        ...protection(row, 'take_profit', 'up'),
      ]),
      ...orders.open.filter((row) => row.symbol === symbol.value && !protective.has(Number(row.price ?? row.stop_price))).flatMap(resting),
    ]
  })

  const barAt = (iso: string): UTCTimestamp => opening(Date.parse(iso) / 1000, minutes.value)
  const trades = computed<Mark[]>(() =>
    executed.rows
      .filter((row) => row.symbol === symbol.value)
      .map((row) => {
        const buys = row.side === 'buy'
        return { at: barAt(row.created_at), kind: 'trade', buys, title: t(`sides.${row.side}`).replace(/^\W+/u, ''), tone: buys ? 'up' : 'down' }
      }),
  )
  const signals = computed<Mark[]>(() =>
    webhooks.rows
      .filter((row) => row.symbol !== null && bare(row.symbol) === bare(symbol.value) && SIGNALS.has(row.action ?? ''))
      .map((row) => ({
        at: barAt(row.received_at), kind: 'signal', buys: row.action?.startsWith('Buy') ?? false, title: row.action ?? '', tone: row.status === 'failed' || row.status === 'refused' ? 'orange' : 'blue',
      })),
  )
  const marks = computed(() => [...trades.value, ...signals.value].sort((a, b) => a.at - b.at))

  return { levels, marks }
}
