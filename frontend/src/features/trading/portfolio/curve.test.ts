import { describe, expect, it } from 'vitest'

import { pathOf, totalCurve } from './curve'

const point = (broker_id: number, at: string, worth: string) => ({ broker_id, at: `2026-01-0${at}T00:00:00Z`, worth })

describe('the curve of all accounts', () => {
  it('keeps the last worth of each account and begins when all have begun', () => {
    const points = [point(1, '1', '100'), point(2, '2', '50'), point(1, '3', '110')]
    expect(totalCurve(points).map((one) => one.worth)).toEqual([150, 160])
  })
  it('is drawn from left to right, higher worth higher up', () => {
    expect(pathOf([{ at: 0, worth: 1 }, { at: 10, worth: 3 }, { at: 20, worth: 2 }], 100, 40)).toBe('M0.0 40.0L50.0 0.0L100.0 20.0')
    expect(pathOf([{ at: 0, worth: 1 }, { at: 10, worth: 1 }], 100, 40)).toBe('M0.0 20.0L100.0 20.0')
    expect(pathOf([{ at: 0, worth: 1 }], 100, 40)).toBe('')
  })
})
