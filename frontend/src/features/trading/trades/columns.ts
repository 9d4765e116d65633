import { computed } from 'vue'
import { useI18n } from 'vue-i18n'

import type { Trade } from '../../../api/client'
import type { Column, Filter } from '../../../parts/table/columns'
import { average, fees, money, price, quantity, signed, time, tone } from '../../../words/format'
import { useReasons } from '../../../words/reasons'
import { useBrokerColumn } from '../../people/brokers/columns'
import { stateShown } from './state'
import { LIVE } from './store'
import { baseOf, paid, quoteOf, useOrderWords } from './words'

/** Which orders a table lists: all, those with something executed, or those that have not ended. */
export type Which = 'orders' | 'executed' | 'open'

/** A price that is asked for, or by which an order is triggered. */
const asked = (row: Trade): string | null => row.price ?? row.stop_price

/** The columns and filters of the order tables. */
export function useOrderColumns(which: Which) {
  const { t } = useI18n()
  const { reason } = useReasons()
  const { source, size } = useOrderWords()
  const broker = useBrokerColumn<Trade>()

  const columns = computed<Column<Trade>[]>(() => {
    const open = which === 'open'
    const status: Column<Trade> = { key: 'status', title: t('trades.status'), value: (row) => t(`order_states.${stateShown(row)}`), width: 116 }
    const reasons: Column<Trade> = { key: 'reason', title: t('trades.reason'), value: (row) => (row.reason === null ? null : reason(row.reason)), shown: (row) => reason(row.reason), width: 200 }
    return [
      { key: 'time', title: t('trades.time'), value: (row) => row.created_at, shown: (row) => time(row.created_at), width: 196 },
      { key: 'symbol', title: t('trades.symbol'), value: (row) => row.symbol, width: 110 },
      broker.column.value,
      { key: 'side', title: t('trades.side'), value: (row) => row.side, shown: (row) => t(`sides.${row.side}`), tone: (row) => (row.side === 'buy' ? 'up' : 'down'), width: 84 },
      { key: 'type', title: t('trades.type'), value: (row) => row.type, shown: (row) => t(`types.${row.type}`), width: 100 },
      ...(which === 'orders' ? [status, reasons] : []),
      { key: 'source', title: t('trades.source'), value: (row) => source(row.source), width: 96 },
      { key: 'size', title: t('trades.size'), value: (row) => row.quantity ?? row.cost ?? row.wished_percent, shown: size, width: 128, number: true },
      { key: 'filled', title: t('trades.filled'), value: (row) => row.filled, shown: (row) => `${quantity(row.filled)} ${baseOf(row.symbol)}`, width: 128, number: true, hidden: open },
      { key: 'asked', title: t(open ? 'trades.price' : 'trades.asked'), value: asked, shown: (row) => price(asked(row)), width: 104, number: true, hidden: which === 'executed' },
      { key: 'average', title: t('trades.average'), value: (row) => row.average, shown: (row) => average(row.average), width: 112, number: true, hidden: open },
      { key: 'total', title: t('trades.total'), value: (row) => row.executed_cost, shown: (row) => money(row.executed_cost, quoteOf(row.symbol)), width: 132, number: true, hidden: which !== 'executed' },
      { key: 'fees', title: t('trades.fees'), value: (row) => paid(row.fees), shown: (row) => fees(row.fees), width: 112, number: true, hidden: which !== 'executed' },
      { key: 'result', title: t('trades.result'), value: (row) => row.profit_loss, shown: (row) => signed(row.profit_loss, quoteOf(row.symbol)), tone: (row) => tone(row.profit_loss), width: 124, number: true, hidden: open },
      ...(which === 'orders' ? [] : [status]),
      ...(open ? [{ key: 'cancel', title: t('orders.actions'), value: (row: Trade) => row.requester, shown: () => '', width: 168 }] : []),
      { key: 'client_id', title: t('decisions.client_id'), value: (row) => row.client_order_id, width: 220, hidden: true },
      { key: 'exchange_id', title: t('decisions.exchange_id'), value: (row) => row.exchange_order_id, width: 140, hidden: true },
    ]
  })

  const filters = computed<Filter<Trade>[]>(() => {
    const state: Filter<Trade> = {
      key: 'state', title: t('trades.status'),
      choices: ['live', 'unknown', 'closed', 'cancelled'].map((value) => ({ value, word: t(`state_filters.${value}`) })),
      holds: (row, value) => (value === 'live' ? LIVE.has(row.state) : row.state === value || row.status === value),
    }
    return [
      ...broker.filter.value,
      { key: 'side', title: t('trades.side'), choices: ['buy', 'sell'].map((value) => ({ value, word: t(`sides.${value}`) })), holds: (row, value) => row.side === value },
      { key: 'source', title: t('trades.source'), choices: ['webhook', 'external'].map((value) => ({ value, word: t(`sources.${value}`) })), holds: (row, value) => row.source === value },
      ...(which === 'orders' ? [state] : []),
    ]
  })

  return { columns, filters }
}
