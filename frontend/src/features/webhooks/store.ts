import { defineStore } from 'pinia'

import { type Webhook, api, inTime } from '../../api/client'
import { liveRows } from '../../live/rows'

/** Deliveries of TradingView, newest first. */
export const useWebhooks = defineStore('webhooks', () => {
  const { rows, take, ...past } = liveRows<Webhook>(
    (row) => row.id,
    (row) => row.received_at,
    {
      page: async (cursor) => {
        const query = { limit: 100, ...(cursor ? { cursor } : {}) }
        return (await inTime((signal) => api.GET('/api/webhooks/history', { params: { query }, signal }))).data
      },
    },
  )

  async function url(): Promise<string> {
    const { data } = await api.GET('/api/webhooks/url')
    return data?.url ?? ''
  }

  async function rotate(): Promise<string> {
    const { data } = await api.POST('/api/webhooks/url')
    return data?.url ?? ''
  }

  return { rows, take, ...past, url, rotate }
})
