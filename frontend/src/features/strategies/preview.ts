import type { CodePreview } from '../../api/client'
import { type Bar, barOf, opening } from '../market/chart/bars'
import { type Curve, shadeOf } from '../market/chart/indicator'
import type { Mark } from '../market/chart/marks'

/** How far beyond the prices, as a share of their range, a line may lie that is drawn over them. */
const BEYOND = 1

export const barsOf = (told: CodePreview, minutes: number): Bar[] => told.candles.map((one) => barOf(one, minutes))

/** The indicators of a strategy: those about as high as the prices over the candles, each other one below them. */
export function curvesOf(told: CodePreview, bars: Bar[]): Curve[] {
  const [low, high] = [Math.min(...bars.map((bar) => bar.low)), Math.max(...bars.map((bar) => bar.high))]
  const room = (high - low) * BEYOND
  return told.lines.map(({ name, values }, place) => {
    const points = values.flatMap((value, at) => (value === null || !bars[at] ? [] : [{ time: bars[at].time, value }]))
    const over = points.length > 0 && points.every(({ value }) => value >= low - room && value <= high + room)
    return { key: name, title: name, part: over ? 'price' : name, tone: shadeOf(place), kind: 'line', leads: true, points }
  })
}

/** The signals as marks: bought below a bar, sold above it. */
export const marksOf = (told: CodePreview, minutes: number): Mark[] =>
  told.signals.map(({ opened_at, side }) => ({
    at: opening(Date.parse(opened_at) / 1000, minutes), kind: 'trade', buys: side === 'buy', title: '', tone: side === 'buy' ? 'up' : 'down',
  }))
