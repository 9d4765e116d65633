import type { CandlestickData, HistogramData, UTCTimestamp } from 'lightweight-charts'

import type { ChartCandle } from '../../../api/client'

/** A bar as a chart draws it. Prices are drawn, never calculated with: floats are good enough here. */
export interface Bar {
  time: UTCTimestamp
  open: number
  high: number
  low: number
  close: number
  volume: number
}

const seconds = (iso: string): number => Math.floor(Date.parse(iso) / 1000)

/** The opening time of the bar of so many minutes that holds a moment, in seconds. Bars count from 1970. */
export const opening = (at: number, minutes: number): UTCTimestamp => (Math.floor(at / (minutes * 60)) * minutes * 60) as UTCTimestamp

export function barOf(candle: ChartCandle, minutes: number): Bar {
  const [open, high, low, close, volume] = [candle.open, candle.high, candle.low, candle.close, candle.volume].map(Number) as [number, number, number, number, number]
  return { time: opening(seconds(candle.opened_at), minutes), open, high, low, close, volume }
}

/** Consecutive bars of the same opening time as one. */
export function joined(bars: Bar[]): Bar | null {
  const [first, last] = [bars[0], bars.at(-1)]
  if (!first || !last) return null
  return {
    time: first.time, open: first.open, close: last.close, high: Math.max(...bars.map((bar) => bar.high)), low: Math.min(...bars.map((bar) => bar.low)),
    volume: bars.reduce((sum, bar) => sum + bar.volume, 0),
  }
}

/** Bars in their order, each time once: what came later replaces what was there. */
export function merged(...lists: Bar[][]): Bar[] {
  const byTime = new Map(lists.flat().map((bar) => [bar.time, bar]))
  return [...byTime.values()].sort((a, b) => a.time - b.time)
}

/** How many decimals the prices of a market have, as far as these candles tell. */
export function decimalsOf(candles: ChartCandle[]): number {
  const found = candles.slice(-50).flatMap((one) => [one.open, one.close].map((price) => (price.replace(/0+$/, '').split('.')[1] ?? '').length))
  return Math.min(Math.max(2, ...found), 10)
}

export const candleOf = ({ time, open, high, low, close }: Bar): CandlestickData => ({ time, open, high, low, close })
export const volumeOf = ({ time, volume, open, close }: Bar, up: string, down: string): HistogramData => ({ time, value: volume, color: close >= open ? up : down })
