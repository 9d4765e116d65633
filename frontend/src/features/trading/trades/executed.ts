import { defineStore } from 'pinia'

import { type Trade, api, inTime, pageFrom } from '../../../api/client'
import { liveRows } from '../../../live/rows'
import type { Message } from '../../../live/socket'

/** The orders of which something was executed, newest first. */
export const useExecuted = defineStore('executed', () => {
  const { take: merge, ...live } = liveRows<Trade>(
    (row) => row.id,
    (row) => row.created_at,
    {
      page: async (cursor, narrowed) =>
        (await inTime((signal) => api.GET('/api/trades', { params: { query: pageFrom(cursor, narrowed) }, signal }))).data,
    },
  )

  function take(message: Message): void {
    merge({ ...message, items: (message.items as Trade[]).filter((row) => Number(row.filled) > 0) })
  }

  return { ...live, take }
})
