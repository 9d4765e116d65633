import { defineStore } from 'pinia'

import { type Reconciliation, api, inTime, pageFrom } from '../../../api/client'
import { liveRows } from '../../../live/rows'

/** Comparisons with the exchanges, newest first. */
export const useReconciliations = defineStore('reconciliations', () => {
  const live = liveRows<Reconciliation>(
    (row) => row.id,
    (row) => row.started_at,
    {
      page: async (cursor, narrowed) =>
        (await inTime((signal) => api.GET('/api/reconciliations', { params: { query: pageFrom(cursor, narrowed) }, signal }))).data,
    },
  )

  /** The newest comparison of a broker's whole account that was recorded, and went to its end. */
  function lastComplete(broker: number): Reconciliation | undefined {
    return live.rows.value.find((row) => row.broker_id === broker && row.state === 'completed' && row.occasion !== 'poll')
  }

  function compare(number: number) {
    return api.POST('/api/brokers/{number}/reconcile', { params: { path: { number } } })
  }

  return { ...live, lastComplete, compare }
})
