import { type Ref, ref, shallowRef, watch } from 'vue'

import { type ChartCandle, type FollowedSeries, api, inTime } from '../../../api/client'
import type { Timeframe } from '../heartbeat/store'
import { type Bar, MINUTES, barOf, decimalsOf, joined, merged, opening } from './bars'

const PAGE = 500

export interface Place {
  exchange: string
  venue: string
  symbol: string
}

/** The bars of one market and timeframe: stored ones by pages into the past, and the one that is running. */
export function useHistory(place: Ref<Place | null>, timeframe: Ref<Timeframe>) {
  const bars = shallowRef<Bar[]>([])
  const decimals = ref(2)
  const state = ref<'loading' | 'loaded' | 'failed'>('loading')
  /** Whether there may be older bars. */
  const more = ref(true)
  /** The minutes of the running bar that have ended. */
  let minutes: Bar[] = []
  let loading = false

  async function ask(query: { timeframe: Timeframe; before?: string; limit: number }): Promise<ChartCandle[] | null> {
    const at = place.value
    if (!at) return null
    const { data } = await inTime((signal) => api.GET('/api/heartbeat/candles', { params: { query: { ...at, ...query } }, signal }))
    // An answer about the market before is no answer about this one.
    return at === place.value ? (data?.items ?? null) : null
  }

  async function load(): Promise<void> {
    state.value = 'loading'
    bars.value = minutes = []
    more.value = true
    await older()
  }

  async function older(): Promise<void> {
    if (loading || !more.value || !place.value) return
    loading = true
    const first = bars.value[0]
    const [asked, at] = [timeframe.value, place.value]
    const found = await ask({ timeframe: asked, limit: PAGE, ...(first ? { before: new Date(first.time * 1000).toISOString() } : {}) })
    loading = false
    if (asked !== timeframe.value || at !== place.value) return void load()
    if (!found) {
      state.value = bars.value.length ? 'loaded' : 'failed'
      return
    }
    if (!first) decimals.value = decimalsOf(found)
    more.value = found.length === PAGE
    bars.value = merged(found.map((one) => barOf(one, MINUTES[asked] ?? 1)), bars.value)
    state.value = 'loaded'
  }

  /** Take in what has closed since, and the minutes of the running bar. */
  async function refresh(): Promise<void> {
    const length = MINUTES[timeframe.value] ?? 1
    const [closed, within] = await Promise.all([ask({ timeframe: timeframe.value, limit: 3 }), length > 1 ? ask({ timeframe: '1m', limit: length }) : []])
    if (closed) bars.value = merged(bars.value, closed.map((one) => barOf(one, length)))
    const last = within?.at(-1)
    if (!within || !last) return
    const since = opening(Date.parse(last.opened_at) / 1000 + 60, length)
    minutes = within.filter((one) => Date.parse(one.opened_at) / 1000 >= since).map((one) => barOf(one, length))
  }

  /** The running bar as far as its minutes are known; null before its first trade. */
  function running(series: FollowedSeries | undefined): Bar | null {
    if (!series?.running) return null
    const length = MINUTES[timeframe.value] ?? 1
    const now = barOf(series.running, length)
    return joined([...minutes.filter((bar) => bar.time === now.time), now])
  }

  watch([place, timeframe], load, { immediate: true })
  return { bars, decimals, state, more, older, refresh, running }
}
