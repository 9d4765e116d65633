import { defineStore } from 'pinia'

import { type Gain, api, inTime } from '../../../api/client'
import { liveRows } from '../../../live/rows'

/** Complete trades, newest first. */
export const useGains = defineStore('gains', () =>
  liveRows<Gain>(
    (row) => row.id,
    (row) => row.closed_at,
    {
      page: async (cursor) => {
        const query = { limit: 100, ...(cursor ? { cursor } : {}) }
        return (await inTime((signal) => api.GET('/api/gains', { params: { query }, signal }))).data
      },
    },
  ),
)
