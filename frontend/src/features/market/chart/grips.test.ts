import type { IChartApi, ISeriesApi } from 'lightweight-charts'
import { beforeEach, expect, test, vi } from 'vitest'

import { Grips, snapped } from './grips'
import type { Level } from './marks'

const [WIDTH, HEIGHT, TOP] = [500, 300, 1000]
const window = new EventTarget()

beforeEach(() => vi.stubGlobal('window', window))

/** A chart whose candles are 300 pixels high and show the prices from 1000 down to 700, and one line. */
function stage(price: number) {
  const place = Object.assign(new EventTarget(), { getBoundingClientRect: () => ({ left: 0, top: 0 }) })
  const chart = { paneSize: () => ({ width: WIDTH, height: HEIGHT }), applyOptions: vi.fn() }
  const series = { priceToCoordinate: (at: number) => TOP - at, coordinateToPrice: (y: number) => TOP - y }
  const level = { id: 'stop', price, title: '', tone: 'red', grip: { tick: '1', says: String, change: vi.fn() } } as unknown as Level
  const dropped = vi.fn()
  const grips = new Grips(
    chart as unknown as IChartApi, series as unknown as ISeriesApi<'Candlestick'>, place as unknown as HTMLElement,
    () => [{ level, line: { applyOptions: vi.fn() } as never }], dropped,
  )
  const point = (target: EventTarget, type: string, y: number, x = 10): void =>
    void target.dispatchEvent(Object.assign(new Event(type), { button: 0, clientX: x, clientY: y }))
  return { grips, dropped, take: (y: number, x?: number) => point(place, 'pointerdown', y, x), move: (y: number) => point(window, 'pointermove', y), drop: () => point(window, 'pointerup', 0) }
}

test('a price is put on the nearest tick', () => {
  expect(snapped(45_000.126, '0.01')).toBe('45000.13')
  expect(snapped(45_000.126, '0.01000000')).toBe('45000.13')
  expect(snapped(0.123456, '0.0005')).toBe('0.1235')
  expect(snapped(17.4, '1')).toBe('17')
  expect(snapped(17.4, '5')).toBe('15')
})

test('a line is taken hold of where it is drawn, and let go at a price', () => {
  const { grips, dropped, take, move, drop } = stage(800)
  take(203)
  expect(grips.holding).toBe('stop')
  move(150)
  drop()
  expect(dropped).toHaveBeenCalledWith(expect.objectContaining({ id: 'stop' }), '850')
  expect(grips.holding).toBeNull()
})

test('a line below the candles is not taken hold of in the part of an indicator, nor on an axis', () => {
  const below = stage(600)
  below.take(400)
  expect(below.grips.holding).toBeNull()
  const beside = stage(800)
  beside.take(200, WIDTH + 20)
  expect(beside.grips.holding).toBeNull()
})

test('a line is not dragged out of the candles', () => {
  const { dropped, take, move, drop } = stage(800)
  take(200)
  move(900)
  drop()
  expect(dropped).toHaveBeenCalledWith(expect.anything(), '700')
})
