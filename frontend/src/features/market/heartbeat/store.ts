import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { type ClockSignal, type HeartbeatState, api, inTime } from '../../../api/client'
import type { Message } from '../../../live/socket'

/** The length of each timeframe in minutes, the shortest first. */
export const MINUTES = { '1m': 1, '3m': 3, '5m': 5, '10m': 10, '15m': 15, '1h': 60, '2h': 120, '4h': 240 } as const
export type Timeframe = keyof typeof MINUTES
export const TIMEFRAMES = Object.keys(MINUTES) as Timeframe[]
/** A signal, and whether it came while the page was looked at. */
export type Told = ClockSignal & { live: boolean }
const KEPT = 60

/** The platform's clock: its state, the bars of the followed markets, and its signals, stored ones and live ones. */
export const useHeartbeat = defineStore('heartbeat', () => {
  const state = ref<HeartbeatState | null>(null)
  const signals = ref<Partial<Record<Timeframe, Told[]>>>({})
  const failed = ref(false)
  const clock = computed(() => state.value?.clock ?? null)
  /** The clock beats: its exchange is heard, and says the same time as we do. */
  const beats = computed(() => clock.value !== null && clock.value.connected && clock.value.silent === 0)

  function take(message: Message): void {
    state.value = (message.items[0] as HeartbeatState | undefined) ?? null
    for (const signal of [...(state.value?.signals ?? [])].reverse()) add(signal)
  }

  /** A signal is live unless it is among those that were stored before the page was opened. */
  function add(signal: ClockSignal): void {
    const known = signals.value[signal.timeframe]
    if (!known || known.some((one) => one.signal_id === signal.signal_id)) return
    signals.value[signal.timeframe] = [{ ...signal, live: true }, ...known].slice(0, KEPT)
  }

  async function load(): Promise<void> {
    const answers = await Promise.all(
      TIMEFRAMES.map((timeframe) => inTime((signal) => api.GET('/api/heartbeat/signals', { params: { query: { timeframe } }, signal }))),
    )
    failed.value = answers.some(({ data }) => data === undefined)
    signals.value = Object.fromEntries(
      TIMEFRAMES.map((timeframe, place) => [timeframe, (answers[place]?.data?.items ?? []).map((one) => ({ ...one, live: false }))]),
    )
  }

  return { state, signals, failed, clock, beats, take, load }
})

/** The raw messages of the market's stream, told only while a page shows them. */
export const useRawStream = defineStore('raw', () => {
  const lines = ref<string[]>([])

  function take(message: Message): void {
    lines.value = (message.items[0] as { lines: string[] } | undefined)?.lines ?? []
  }

  return { lines, take }
})
