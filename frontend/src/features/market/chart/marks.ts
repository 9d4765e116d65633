import type { UTCTimestamp } from 'lightweight-charts'
import { type ComputedRef, computed } from 'vue'
import { useI18n } from 'vue-i18n'

import { useBrokers } from '../../people/brokers/store'
import { usePositions } from '../../trading/positions/store'
import { useExecuted } from '../../trading/trades/executed'
import { useTrades } from '../../trading/trades/store'
import { opening } from './bars'

/** A price at which something stands. */
export interface Level {
  price: number
  title: string
  tone: 'grey' | 'up' | 'down' | 'blue'
}

/** A trade of ours. */
export interface Mark {
  at: UTCTimestamp
  buys: boolean
  title: string
}

/** What its user has in a market: entries, stops and targets of positions, open orders, and trades. */
export function useMarks(symbol: ComputedRef<string>, minutes: ComputedRef<number>) {
  const { t } = useI18n()
  const positions = usePositions()
  const orders = useTrades()
  const executed = useExecuted()
  const brokers = useBrokers()
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

  const marks = computed<Mark[]>(() =>
    executed.rows
      .filter((row) => row.symbol === symbol.value)
      .map((row) => ({ at: opening(Date.parse(row.created_at) / 1000, minutes.value), buys: row.side === 'buy', title: t(`sides.${row.side}`).replace(/^\W+/u, '') }))
      .sort((a, b) => a.at - b.at),
  )

  return { levels, marks }
}
