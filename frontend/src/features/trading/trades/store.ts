import { defineStore } from 'pinia'
import { computed } from 'vue'

import { type Trade, api, inTime, pageFrom } from '../../../api/client'
import { liveRows } from '../../../live/rows'

/** The states of an order that has not ended. */
export const LIVE = new Set(['placed', 'submitted', 'unknown', 'open'])

/** Orders and what became of them, newest first. */
export const useTrades = defineStore('trades', () => {
  const { rows, take, ...past } = liveRows<Trade>(
    (row) => row.id,
    (row) => row.created_at,
    {
      page: async (cursor, narrowed) =>
        (await inTime((signal) => api.GET('/api/orders', { params: { query: pageFrom(cursor, narrowed) }, signal }))).data,
      stays: (row) => LIVE.has(row.state) || row.may_be_sent_again,
    },
  )

  /** Every order that has not ended: the server sends them all, however old. */
  const open = computed(() => rows.value.filter((row) => LIVE.has(row.state)))

  /** What cancelling all would do now; undefined when the server does not say. */
  async function effectOfCancelAll() {
    const { data } = await inTime((signal) => api.GET('/api/orders/cancel-all', { signal }))
    return data
  }

  /** What was cancelled; undefined when it is not known that anything was. */
  async function cancelAll() {
    const { data } = await inTime((signal) => api.POST('/api/orders/cancel-all', { signal }))
    return data
  }

  /** The problem when the cancellation of an order could not be requested; undefined when it was. */
  async function cancel(order: string): Promise<unknown> {
    return (await inTime((signal) => api.POST('/api/orders/{order}/cancel', { params: { path: { order } }, signal }))).error
  }

  return { rows, take, ...past, open, effectOfCancelAll, cancelAll, cancel }
})
