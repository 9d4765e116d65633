import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { type CandleLoad, type StoredCandles, api } from '../../../api/client'
import type { Message } from '../../../live/socket'

export type LoadState = 'running' | 'paused' | 'cancelled'

/** The stored candles of every market and timeframe, and the loads that bring more; null before the server has told it. */
export const useCandles = defineStore('candles', () => {
  const stored = ref<StoredCandles | null>(null)
  const coverage = computed(() => stored.value?.coverage ?? [])
  const loads = computed(() => stored.value?.loads ?? [])

  function take(message: Message): void {
    stored.value = (message.items[0] as StoredCandles | undefined) ?? null
  }

  /** Decide about a load, and show it at once. */
  async function change(number: number, state: LoadState) {
    const answer = await api.PUT('/api/candles/loads/{number}', { params: { path: { number } }, body: { state } })
    if (answer.data && stored.value) stored.value = { ...stored.value, loads: loads.value.map((one) => (one.id === number ? (answer.data as CandleLoad) : one)) }
    return answer
  }

  return { stored, coverage, loads, take, change }
})
