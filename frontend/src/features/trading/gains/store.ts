import { defineStore } from 'pinia'

import type { Gain } from '../../../api/client'
import { liveRows } from '../../../live/rows'

/** Complete trades, newest first. */
export const useGains = defineStore('gains', () =>
  liveRows<Gain>(
    (row) => row.id,
    (row) => row.closed_at,
  ),
)
