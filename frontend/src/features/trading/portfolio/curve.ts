import type { EquityPoint } from '../../../api/client'

export interface Point {
  at: number
  worth: number
}

/** What all accounts were worth together at each moment: an account keeps its last worth until the next one is known. */
export function totalCurve(points: EquityPoint[]): Point[] {
  const last = new Map<number, number>()
  const brokers = new Set(points.map((point) => point.broker_id))
  return points.flatMap((point) => {
    last.set(point.broker_id, Number(point.worth))
    // Before every account has begun, the sum would jump with each that begins.
    if (last.size < brokers.size) return []
    return [{ at: Date.parse(point.at), worth: [...last.values()].reduce((sum, worth) => sum + worth, 0) }]
  })
}

/** The points as an SVG path in a box, the time to the right and the worth upwards. */
export function pathOf(points: Point[], width: number, height: number): string {
  const [first, last] = [points[0], points.at(-1)]
  if (!first || !last || points.length < 2) return ''
  const worths = points.map((point) => point.worth)
  const [low, high] = [Math.min(...worths), Math.max(...worths)]
  const x = (at: number): number => ((at - first.at) / Math.max(last.at - first.at, 1)) * width
  const y = (worth: number): number => (high === low ? height / 2 : height - ((worth - low) / (high - low)) * height)
  return points.map((point, index) => `${index ? 'L' : 'M'}${x(point.at).toFixed(1)} ${y(point.worth).toFixed(1)}`).join('')
}
