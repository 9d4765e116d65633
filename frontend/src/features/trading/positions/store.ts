import { defineStore } from 'pinia'

import type { Position } from '../../../api/client'
import { liveRows } from '../../../live/rows'
import type { Message } from '../../../live/socket'

/** What is held, with its result at the prices of the moment; a closed position leaves the list. */
export const usePositions = defineStore('positions', () => {
  const { rows, take: merge } = liveRows<Position>(
    (row) => row.id,
    (row) => row.opened_at ?? '',
  )

  function take(message: Message): void {
    merge(message)
    rows.value = rows.value.filter((row) => row.is_open)
  }

  return { rows, take }
})
