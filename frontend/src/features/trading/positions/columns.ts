import { computed } from 'vue'
import { useI18n } from 'vue-i18n'

import type { Position } from '../../../api/client'
import type { Column } from '../../../parts/table/columns'
import { product } from '../../../words/decimal'
import { average, change, money, price, quantity, signed, time, tone } from '../../../words/format'
import { useBrokerColumn } from '../../people/brokers/columns'
import { baseOf, quoteOf, useOrderWords } from '../trades/words'
import { coverOf } from './cover'

/** What a position is worth at the last price (quote); null while that is not known. */
export const worthOf = (row: Position): string | null => (row.price === null ? null : product(row.held, row.price))

/** The columns and filters of the table of positions. */
export function usePositionColumns() {
  const { t } = useI18n()
  const { source } = useOrderWords()
  const broker = useBrokerColumn<Position>()

  const columns = computed<Column<Position>[]>(() => [
    { key: 'symbol', title: t('positions.symbol'), value: (row) => row.symbol, width: 104 },
    broker.column.value,
    { key: 'held', title: t('positions.held'), value: (row) => row.held, shown: (row) => `${quantity(row.held)} ${baseOf(row.symbol)}`, width: 136, number: true },
    { key: 'worth', title: t('positions.worth'), value: worthOf, shown: (row) => money(worthOf(row), quoteOf(row.symbol)), width: 118, number: true },
    { key: 'unrealised', title: t('positions.unrealised'), value: (row) => row.unrealised, width: 120, number: true },
    { key: 'percent', title: t('positions.percent'), value: (row) => row.unrealised_percent, shown: (row) => (row.unrealised_percent === null ? '—' : change(row.unrealised_percent)), tone: (row) => tone(row.unrealised_percent === null ? null : row.unrealised_percent.toFixed(2)), width: 78, number: true },
    { key: 'protection', title: t('positions.protection'), value: coverOf, width: 196 },
    { key: 'close', title: t('orders.actions'), value: () => null, shown: () => '', width: 184 },
    { key: 'stop_loss', title: t('positions.stop_loss'), value: (row) => row.stop_loss, shown: (row) => price(row.stop_loss), width: 92, number: true },
    { key: 'take_profit', title: t('positions.take_profit'), value: (row) => row.take_profit, shown: (row) => price(row.take_profit), width: 132, number: true },
    { key: 'entry', title: t('positions.entry'), value: (row) => row.average_entry, shown: (row) => average(row.average_entry), width: 108, number: true },
    { key: 'price', title: t('positions.price'), value: (row) => row.price, width: 104, number: true },
    { key: 'realised', title: t('positions.realised'), value: (row) => row.realised, shown: (row) => signed(row.realised, quoteOf(row.symbol)), tone: (row) => tone(row.realised), width: 124, number: true },
    { key: 'owner', title: t('positions.owner'), value: (row) => source(row.owner), width: 92 },
    { key: 'opened', title: t('positions.opened'), value: (row) => row.opened_at, shown: (row) => time(row.opened_at), width: 196 },
  ])

  return { columns, filters: broker.filter }
}
