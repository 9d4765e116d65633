import { defineStore } from 'pinia'

import { type Webhook, api, inTime, pageFrom } from '../../api/client'
import { liveRows } from '../../live/rows'

/** Deliveries of TradingView, newest first. */
export const useWebhooks = defineStore('webhooks', () => {
  const { rows, take, ...past } = liveRows<Webhook>(
    (row) => row.id,
    (row) => row.received_at,
    {
      page: async (cursor, narrowed) =>
        (await inTime((signal) => api.GET('/api/webhooks/history', { params: { query: pageFrom(cursor, narrowed) }, signal }))).data,
    },
  )

  /** The address for TradingView; undefined when the server does not say. */
  async function url(): Promise<string | undefined> {
    return (await inTime((signal) => api.GET('/api/webhooks/url', { signal }))).data?.url
  }

  /** The new address; undefined when it is not known whether the token was changed. */
  async function rotate(): Promise<string | undefined> {
    return (await inTime((signal) => api.POST('/api/webhooks/url', { signal }))).data?.url
  }

  /** Send a PING through the door; undefined when the server does not say what became of it. */
  async function ping() {
    return (await inTime((signal) => api.POST('/api/webhooks/ping', { signal }))).data
  }

  /** Send an alert through the door to a paper broker. */
  async function tryAlert(body: string) {
    return inTime((signal) => api.POST('/api/webhooks/trial', { body: { body }, signal }))
  }

  return { rows, take, ...past, url, rotate, ping, tryAlert }
})
