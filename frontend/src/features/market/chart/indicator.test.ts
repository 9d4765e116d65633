import type { UTCTimestamp } from 'lightweight-charts'
import { expect, test } from 'vitest'

import { curvesOf, nextOf, titleOf } from './indicator'

const at = (seconds: number): UTCTimestamp => seconds as UTCTimestamp

test('an indicator is offered with the next numbers that are not shown yet, up to eight in all', () => {
  expect(nextOf('ema', [])).toBe('ema:20')
  expect(nextOf('ema', ['ema:20', 'ema:100'])).toBe('ema:50')
  expect(nextOf('macd', ['macd:12:26:9'])).toBeNull()
  expect(nextOf('ema', Array.from({ length: 8 }, (_, n) => `rsi:${n + 2}`))).toBeNull()
  expect(titleOf('bollinger:20:2')).toBe('Bollinger 20 2')
})

test('the lines of an indicator have one colour, are in the order of their times, and one of them leads', () => {
  const known = new Map([
    ['ema:20 ema', new Map([[at(120), 2], [at(60), 1]])],
    ['bollinger:20:2 lower', new Map([[at(60), 3]])],
    ['bollinger:20:2 middle', new Map([[at(60), 4]])],
    ['ema:200 ema', new Map([[at(60), 5]])],
  ])
  const curves = curvesOf(['bollinger:20:2', 'ema:20'], known)
  expect(curves.map((curve) => [curve.key, curve.tone, curve.kind, curve.leads])).toEqual([
    ['bollinger:20:2 lower', 'shade-1', 'line', false],
    ['bollinger:20:2 middle', 'shade-1', 'dotted', true],
    ['ema:20 ema', 'shade-2', 'line', true],
  ])
  expect(curves.at(-1)?.points).toEqual([{ time: 60, value: 1 }, { time: 120, value: 2 }])
})

test('what is no price has a part of its own, and a signal another colour than its line', () => {
  const known = new Map(['macd', 'histogram', 'signal'].map((line) => [`macd:12:26:9 ${line}`, new Map([[at(60), 1]])]))
  expect(curvesOf(['macd:12:26:9'], known).map((curve) => [curve.part, curve.tone, curve.kind])).toEqual([
    ['macd', 'shade-1', 'line'], ['macd', 'grey', 'histogram'], ['macd', 'shade-2', 'line'],
  ])
})
