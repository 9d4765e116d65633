import { defineStore } from 'pinia'

import { type Gain, api, inTime, pageFrom } from '../../../api/client'
import { liveRows } from '../../../live/rows'

/** Complete trades, newest first. */
export const useGains = defineStore('gains', () =>
  liveRows<Gain>(
    (row) => row.id,
    (row) => row.closed_at,
    {
      page: async (cursor, narrowed) =>
        (await inTime((signal) => api.GET('/api/gains', { params: { query: pageFrom(cursor, narrowed) }, signal }))).data,
    },
  ),
)
