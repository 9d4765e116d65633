import type { UTCTimestamp } from 'lightweight-charts'
import { type Ref, ref, shallowRef, watch } from 'vue'

import { type ChartIndicators, api, inTime } from '../../../api/client'
import { MINUTES, type Timeframe } from '../heartbeat/store'
import type { Bar } from './bars'
import type { Place } from './history'
import { type Curve, type Values, curvesOf } from './indicator'

/** The most bars that one question covers, and the newest that are asked for again: they may have been corrected. */
const [MOST, AGAIN] = [1000, 3]

/** The indicators of a chart: the server computes them at the bars that have closed, and what is known of them is kept. */
export function useIndicators(place: Ref<Place | null>, timeframe: Ref<Timeframe>, bars: Ref<Bar[]>, chosen: Ref<string[]>) {
  const curves = shallowRef<Curve[]>([])
  const failed = ref(false)
  let known = new Map<string, Values>()
  /** The times of the first and last bar that was asked for. */
  let [from, to] = [Infinity, -Infinity]
  let turn = 0
  let asking = false
  let going = new AbortController()

  function begin(): void {
    turn += 1
    going.abort()
    going = new AbortController()
    known = new Map()
    ;[from, to] = [Infinity, -Infinity]
    asking = failed.value = false
    curves.value = []
    void fill()
  }

  /** The bars that are lacking: the newest ones first, then page by page into the past. */
  function lacking(): Bar[] {
    const newer = bars.value.filter((bar) => bar.time > to)
    if (newer.length) return bars.value.slice(-Math.min(newer.length + AGAIN, MOST))
    return bars.value.filter((bar) => bar.time < from).slice(-MOST)
  }

  function take(told: ChartIndicators): void {
    const times = told.opened_at.map((at) => (Date.parse(at) / 1000) as UTCTimestamp)
    for (const { indicator, line, values } of told.lines) {
      const key = `${indicator} ${line}`
      const before = known.get(key) ?? new Map<UTCTimestamp, number>()
      values.forEach((value, nth) => {
        const time = times[nth]
        if (time !== undefined && value !== null) before.set(time, value)
      })
      known.set(key, before)
    }
    curves.value = curvesOf(chosen.value, known)
  }

  async function fill(): Promise<void> {
    const [asked, at] = [turn, place.value]
    if (asking || !at || !chosen.value.length) return
    asking = true
    for (let wanted = lacking(); wanted.length; wanted = lacking()) {
      const [first, last] = [wanted[0] as Bar, wanted.at(-1) as Bar]
      const before = new Date((last.time + MINUTES[timeframe.value] * 60) * 1000).toISOString()
      const query = { ...at, timeframe: timeframe.value, before, limit: wanted.length, show: chosen.value }
      const { signal } = going
      const { data } = await inTime((late) => api.GET('/api/heartbeat/indicators', { params: { query }, signal: AbortSignal.any([late, signal]) }))
      if (asked !== turn) return
      failed.value = !data
      if (!data) break
      // More bars have closed than one question covers: what lies between is not known.
      if (first.time > to && to > -Infinity) return begin()
      // Where the server has more bars in between, fewer of the older ones have come: they are asked for once more.
      const reached = Math.max(first.time, Date.parse(data.opened_at[0] ?? '') / 1000 || first.time)
      ;[from, to] = [reached < from ? reached : first.time, Math.max(to, last.time)]
      take(data)
    }
    asking = false
  }

  watch([place, timeframe, () => chosen.value.join()], begin, { immediate: true })
  watch(bars, (now, before) => {
    // Another market, or the same one loaded anew.
    if (!before.length || !now.length) return begin()
    // No bar has closed, so one of the newest was corrected.
    if (now.at(-1)?.time === before.at(-1)?.time && now.length === before.length) to = now.at(-AGAIN - 1)?.time ?? -Infinity
    void fill()
  })
  return { curves, failed }
}
