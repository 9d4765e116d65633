import { computed } from 'vue'
import { useI18n } from 'vue-i18n'

import type { Column, Filter } from '../../../parts/table/columns'
import { useBrokers } from './store'

/** The column and the filter by which rows are told apart by their broker; hidden, or none, while there is one broker. */
export function useBrokerColumn<Row extends { broker_id: number | null }>() {
  const { t } = useI18n()
  const brokers = useBrokers()
  const nameOf = (row: Row): string | null => (row.broker_id === null ? null : brokers.nameOf(row.broker_id))

  const column = computed<Column<Row>>(() => ({
    key: 'broker', title: t('trades.broker'), value: nameOf, width: 120, hidden: brokers.rows.length < 2,
  }))
  const filter = computed<Filter<Row>[]>(() =>
    brokers.rows.length < 2
      ? []
      : [{
          key: 'broker', title: t('trades.broker'), choices: brokers.rows.map((one) => ({ value: String(one.number), word: one.name })),
          holds: (row, value) => String(row.broker_id) === value, accepts: (value) => /^\d{1,9}$/.test(value),
        }],
  )
  return { column, filter }
}
