import { describe, expect, it } from 'vitest'

import type { ChartCandle } from '../../../api/client'
import { barOf, decimalsOf, joined, merged, opening } from './bars'

const candle = (minute: number, close: string): ChartCandle => ({
  opened_at: new Date(Date.UTC(2026, 2, 2, 9, minute)).toISOString(), open: '1', high: '3', low: '0.5', close, volume: '2', trades: 1, proof: 'proved',
})

describe('the bars of a chart', () => {
  it('open at whole timeframes since 1970', () => {
    expect(opening(Date.UTC(2026, 2, 2, 9, 37) / 1000, 15)).toBe(Date.UTC(2026, 2, 2, 9, 30) / 1000)
    expect(opening(Date.UTC(2026, 2, 2, 9, 37) / 1000, 240)).toBe(Date.UTC(2026, 2, 2, 8, 0) / 1000)
  })
  it('are joined from minutes', () => {
    const bars = [candle(30, '2'), candle(31, '2.5')].map((one) => barOf(one, 5))
    expect(joined(bars)).toEqual({ time: Date.UTC(2026, 2, 2, 9, 30) / 1000, open: 1, high: 3, low: 0.5, close: 2.5, volume: 4 })
    expect(joined([])).toBeNull()
  })
  it('stand in their order, and what came later replaces', () => {
    const bars = [1, 2, 3].map((minute) => barOf(candle(minute, '2'), 1))
    const corrected = barOf(candle(2, '2.9'), 1)
    expect(merged(bars.slice(1), bars.slice(0, 1), [corrected]).map((bar) => bar.close)).toEqual([2, 2.9, 2])
  })
  it('have the decimals of their market', () => {
    expect(decimalsOf([candle(1, '64250.10')])).toBe(2)
    expect(decimalsOf([candle(1, '0.00001234000')])).toBe(8)
  })
})
