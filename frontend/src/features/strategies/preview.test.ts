import { expect, it } from 'vitest'

import type { CodePreview } from '../../api/client'
import { barsOf, curvesOf, marksOf } from './preview'

const candle = (minute: number, price: string) => ({
  opened_at: `2026-03-02T09:0${minute}:00Z`, open: price, high: price, low: price, close: price, volume: '1', trades: 1, proof: 'proved',
})
const told: CodePreview = {
  candles: [candle(0, '100'), candle(1, '104'), candle(2, '102')],
  lines: [{ name: 'ema', values: [null, 102, 102] }, { name: 'rsi', values: [null, 55, 20] }],
  signals: [{ opened_at: '2026-03-02T09:01:00Z', side: 'buy' }, { opened_at: '2026-03-02T09:02:00Z', side: 'sell' }],
  problem: null,
}

it('draws what is as high as the prices over them, and the rest below', () => {
  const bars = barsOf(told, 1)
  const curves = curvesOf(told, bars)
  expect(curves.map(({ title, part }) => [title, part])).toEqual([['ema', 'price'], ['rsi', 'rsi']])
  expect(curves[0]?.points).toEqual([{ time: bars[1]?.time, value: 102 }, { time: bars[2]?.time, value: 102 }])
})

it('marks each signal at its bar', () => {
  const [bought, sold] = marksOf(told, 1)
  expect([bought?.buys, sold?.buys]).toEqual([true, false])
  expect(bought?.at).toBe(Date.parse('2026-03-02T09:01:00Z') / 1000)
})
