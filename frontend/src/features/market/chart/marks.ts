import type { UTCTimestamp } from 'lightweight-charts'
import { type ComputedRef, computed } from 'vue'
import { useI18n } from 'vue-i18n'

import { useTopic } from '../../../live/topics'
import { useBrokers } from '../../people/brokers/store'
import { usePositions } from '../../trading/positions/store'
import { useExecuted } from '../../trading/trades/executed'
import { useWebhooks } from '../../webhooks/store'
import { useTrades } from '../../trading/trades/store'
import { opening } from './bars'

/** A price at which something stands. */
export interface Level {
  price: number
  title: string
  tone: 'grey' | 'up' | 'down' | 'blue'
}

/** A trade of ours (an arrow), or a signal that a webhook brought (a dot). */
export interface Mark {
  at: UTCTimestamp
  kind: 'trade' | 'signal'
  buys: boolean
  title: string
  tone: 'up' | 'down' | 'blue' | 'orange'
}

const SIGNALS = new Set(['BuyMarket', 'BuyLimit', 'SellMarket', 'SellLimit', 'MAJ'])
/** `BINANCE:BTCUSDT` and `BTC/USDT` are the same pair. */
const bare = (pair: string): string => pair.split(':').at(-1)?.replace('/', '').toUpperCase() ?? ''

/** What its user has in a market: entries, stops and targets of positions, open orders, and trades. */
export function useMarks(symbol: ComputedRef<string>, minutes: ComputedRef<number>) {
  const { t } = useI18n()
  const positions = usePositions()
  const orders = useTrades()
  const executed = useExecuted()
  const brokers = useBrokers()
  const webhooks = useWebhooks()
  useTopic('webhooks')
  const of = (broker: number): string => (brokers.rows.length > 1 ? ` ${brokers.nameOf(broker)}` : '')

  const levels = computed<Level[]>(() => {
    const held = positions.rows.filter((row) => row.symbol === symbol.value)
    const protective = new Set(held.flatMap((row) => [row.stop_loss, row.take_profit].map(Number)))
    const level = (price: string | null, word: string, tone: Level['tone'], broker: number): Level[] => (price === null ? [] : [{ price: Number(price), title: `${word}${of(broker)}`, tone }])
    return [
      ...held.flatMap((row) => [
        ...level(row.average_entry, t('chart.entry'), 'grey', row.broker_id),
        ...level(row.stop_loss, t('positions.stop_loss'), 'down', row.broker_id),
        ...level(row.take_profit, t('positions.take_profit'), 'up', row.broker_id),
      ]),
      ...orders.open
        .filter((row) => row.symbol === symbol.value && !protective.has(Number(row.price ?? row.stop_price)))
        .flatMap((row) => level(row.price ?? row.stop_price, t(`sides.${row.side}`), 'blue', row.broker_id)),
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
