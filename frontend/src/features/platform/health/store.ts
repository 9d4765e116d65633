import { defineStore } from 'pinia'
import { ref } from 'vue'

import { type Health, api, problemOf } from '../../../api/client'
import type { Message } from '../../../live/socket'

/** Longer than the server waits for the database and then for the gateway. */
const ANSWER_WITHIN = 8000

/** How each part of the platform is, and the halt of all automatic trading. */
export const useHealth = defineStore('health', () => {
  const health = ref<Health | null>(null)
  /** A halt or its end is on its way. */
  const switching = ref(false)
  /** The code of why the last halt or its end was not carried out. */
  const failure = ref<{ stop: boolean; code: string } | null>(null)
  /** The gateway halts already, but the database does not know it yet. */
  const unrecorded = ref(false)

  function take(message: Message): void {
    health.value = (message.items[0] as Health | undefined) ?? null
    if (health.value?.trading_stopped) unrecorded.value = false
  }

  /** Returns whether it was carried out; why not stands in `failure`. */
  async function switchTrading(stop: boolean): Promise<boolean> {
    switching.value = true
    failure.value = null
    try {
      const signal = AbortSignal.timeout(ANSWER_WITHIN)
      const { data, error } = stop
        ? await api.POST('/api/trading/stop', { signal })
        : await api.POST('/api/trading/resume', { signal })
      if (error !== undefined) throw error
      unrecorded.value = stop && data?.recorded === false
      return true
    } catch (error) {
      failure.value = { stop, code: problemOf(error).code }
      return false
    } finally {
      switching.value = false
    }
  }

  return { health, switching, failure, unrecorded, take, switchTrading }
})
