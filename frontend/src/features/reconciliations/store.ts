import { defineStore } from 'pinia'

import { type Reconciliation, api } from '../../api/client'
import { liveRows } from '../rows'

/** Comparisons with the exchanges, newest first. */
export const useReconciliations = defineStore('reconciliations', () => {
  const { rows, take } = liveRows<Reconciliation>(
    (row) => row.id,
    (row) => row.started_at,
  )

  function compare(number: number) {
    return api.POST('/api/brokers/{number}/reconcile', { params: { path: { number } } })
  }

  return { rows, take, compare }
})
