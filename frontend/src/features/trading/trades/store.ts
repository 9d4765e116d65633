import { defineStore } from 'pinia'

import { type Trade, api } from '../../../api/client'
import { liveRows } from '../../../live/rows'

/** Orders and what became of them, newest first. */
export const useTrades = defineStore('trades', () => {
  const { rows, take } = liveRows<Trade>(
    (row) => row.id,
    (row) => row.created_at,
  )

  async function cancelAll(): Promise<number> {
    const { data } = await api.POST('/api/orders/cancel-all')
    return data?.asked ?? 0
  }

  return { rows, take, cancelAll }
})
