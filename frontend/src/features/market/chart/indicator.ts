import type { HistogramData, LineData, UTCTimestamp } from 'lightweight-charts'

/** The most indicators of one chart. */
export const MOST_SHOWN = 8
/** The indicators, and the numbers that are offered one after the other. */
export const OFFERED = {
  ema: [[20], [50], [100], [200]],
  rsi: [[14], [7]],
  macd: [[12, 26, 9]],
  bollinger: [[20, 2]],
} as const
export type Name = keyof typeof OFFERED
const WORDS: Record<Name, string> = { ema: 'EMA', rsi: 'RSI', macd: 'MACD', bollinger: 'Bollinger' }
const SHADES = 4

/** The colour of an indicator by its place among those that are shown. */
export const shadeOf = (place: number): string => `shade-${1 + (place % SHADES)}`

/** One line of an indicator as it is drawn: over the candles, or in a part of the chart of its own. */
export interface Curve {
  key: string
  title: string
  part: string
  tone: string
  kind: 'line' | 'dotted' | 'histogram'
  /** One line of each indicator stands for it in the legend. */
  leads: boolean
  points: (LineData & HistogramData)[]
}

export const nameOf = (indicator: string): Name => indicator.split(':')[0] as Name
export const numbersOf = (indicator: string): number[] => indicator.split(':').slice(1).map(Number)
export const titleOf = (indicator: string): string => [WORDS[nameOf(indicator)], ...numbersOf(indicator)].join(' ')

/** The next of one kind that is not shown yet; null when all that are offered are. */
export function nextOf(name: Name, shown: string[]): string | null {
  const found = OFFERED[name].map((numbers) => [name, ...numbers].join(':')).find((one) => !shown.includes(one))
  return shown.length < MOST_SHOWN ? (found ?? null) : null
}

export type Values = Map<UTCTimestamp, number>

/** The curves of what is known, in the order in which the indicators were chosen. */
export function curvesOf(chosen: string[], known: Map<string, Values>): Curve[] {
  return chosen.flatMap((indicator, place) => {
    const name = nameOf(indicator)
    const lines = [...known].filter(([key]) => key.startsWith(`${indicator} `))
    return lines.map(([key, values]): Curve => {
      const line = key.slice(indicator.length + 1)
      return {
        key,
        title: titleOf(indicator),
        part: name === 'rsi' || name === 'macd' ? name : 'price',
        tone: line === 'histogram' ? 'grey' : shadeOf(line === 'signal' ? place + 1 : place),
        kind: line === 'histogram' ? 'histogram' : line === 'middle' ? 'dotted' : 'line',
        leads: line === name || line === 'middle',
        points: [...values].sort(([a], [b]) => a - b).map(([time, value]) => ({ time, value })),
      }
    })
  })
}
