import { defineStore } from 'pinia'

import { type Webhook, api } from '../../api/client'
import { liveRows } from '../../live/rows'

/** Deliveries of TradingView, newest first. */
export const useWebhooks = defineStore('webhooks', () => {
  const { rows, take } = liveRows<Webhook>(
    (row) => row.id,
    (row) => row.received_at,
  )

  async function url(): Promise<string> {
    const { data } = await api.GET('/api/webhooks/url')
    return data?.url ?? ''
  }

  async function rotate(): Promise<string> {
    const { data } = await api.POST('/api/webhooks/url')
    return data?.url ?? ''
  }

  return { rows, take, url, rotate }
})
