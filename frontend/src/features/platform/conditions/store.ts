import { defineStore } from 'pinia'
import { ref } from 'vue'

import type { Condition, Conditions } from '../../../api/client'
import type { Message } from '../../../live/socket'

/** What stands in the way of each account, stream and position; null before the server has told it. */
export const useConditions = defineStore('conditions', () => {
  const rows = ref<Condition[] | null>(null)

  function take(message: Message): void {
    rows.value = (message.items[0] as Conditions | undefined)?.items ?? null
  }

  return { rows, take }
})
