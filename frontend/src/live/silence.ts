import { type ComputedRef, computed, onUnmounted, ref } from 'vue'

import { connection } from './feed'

/** Data comes every two seconds; what is older than this is not shown as if it were new. */
export const STALE_AFTER = 8000

export interface Silence {
  seconds: number
  /** The server still answers, so it is the database that does not. */
  serverAnswers: boolean
}

/** How long no data has come, once that is too long to believe what is shown; null while all is well. */
export function useSilence(): ComputedRef<Silence | null> {
  // By the browser's own clock, however wrong: only a difference counts.
  const now = ref(Date.now())
  const ticking = setInterval(() => (now.value = Date.now()), 1000)
  onUnmounted(() => clearInterval(ticking))
  return computed(() => {
    const silent = now.value - connection.dataAt
    if (silent < STALE_AFTER) return null
    return { seconds: silent / 1000, serverAnswers: connection.connected && now.value - connection.heardAt < STALE_AFTER }
  })
}
