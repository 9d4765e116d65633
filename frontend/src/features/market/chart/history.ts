import { type Ref, ref, shallowRef, watch } from 'vue'

import { type ChartCandle, type FollowedSeries, api, inTime } from '../../../api/client'
import { serverNow } from '../../../parts/now'
import { MINUTES, type Timeframe } from '../heartbeat/store'
import { type Bar, barOf, decimalsOf, joined, merged, opening } from './bars'

const [PAGE, MOST] = [500, 1000]

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
  /** Counts the markets and timeframes that were shown: an answer to an earlier one is no answer. */
  let turn = 0
  let loading = false

  async function ask(query: { timeframe: Timeframe; before?: string; limit: number }): Promise<ChartCandle[] | null> {
    const [asked, at] = [turn, place.value]
    if (!at) return null
    const { data } = await inTime((signal) => api.GET('/api/heartbeat/candles', { params: { query: { ...at, ...query } }, signal }))
    return asked === turn ? (data?.items ?? null) : null
  }

  async function load(): Promise<void> {
    turn += 1
    state.value = 'loading'
    bars.value = minutes = []
    more.value = true
    loading = false
    await older()
    await refresh()
  }

  async function older(): Promise<void> {
    if (loading || !more.value || !place.value) return
    loading = true
    const [asked, first] = [turn, bars.value[0]]
    const found = await ask({ timeframe: timeframe.value, limit: PAGE, ...(first ? { before: new Date(first.time * 1000).toISOString() } : {}) })
    if (asked !== turn) return
    loading = false
    if (!found) {
      state.value = bars.value.length ? 'loaded' : 'failed'
      return
    }
    if (!first) decimals.value = decimalsOf(found)
    more.value = found.length > 0
    bars.value = merged(found.map((one) => barOf(one, MINUTES[timeframe.value])), bars.value)
    state.value = 'loaded'
  }

  /** Take in what has closed since the last known bar, and the minutes of the running one. */
  async function refresh(): Promise<void> {
    const [asked, length, last] = [turn, MINUTES[timeframe.value], bars.value.at(-1)]
    if (!last) {
      // A market that has only just been followed: its first bars have come now.
      more.value = true
      return older()
    }
    const missed = Math.ceil((serverNow() / 1000 - last.time) / (60 * length)) + 1
    const [closed, within] = await Promise.all([
      ask({ timeframe: timeframe.value, limit: Math.min(Math.max(missed, 3), MOST) }),
      length > 1 ? ask({ timeframe: '1m', limit: length }) : [],
    ])
    if (asked !== turn) return
    if (closed) bars.value = merged(bars.value, closed.map((one) => barOf(one, length)))
    const newest = within?.at(-1)
    if (!within || !newest) return
    const since = opening(Date.parse(newest.opened_at) / 1000 + 60, length)
    minutes = within.filter((one) => Date.parse(one.opened_at) / 1000 >= since).map((one) => barOf(one, length))
  }

  /** The running bar as far as its minutes are known; null before its first trade. */
  function running(series: FollowedSeries | undefined): Bar | null {
    if (!series?.running) return null
    const length = MINUTES[timeframe.value]
    const now = barOf(series.running, length)
    return joined([...minutes.filter((bar) => bar.time === now.time), now])
  }

  watch([place, timeframe], load, { immediate: true })
  return { bars, decimals, state, more, older, refresh, running }
}
