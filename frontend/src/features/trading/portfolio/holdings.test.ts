import { expect, it } from 'vitest'

import { externalOf, isDust, shareOf } from './holdings'

const row = { currency: 'BTC', free: '0.5', locked: '0.25', in_positions: '0.3', price: '2', price_age: 1, worth: '1.5' }

it('counts as external what no position holds', () => {
  expect(externalOf(row)).toBe('0.45')
  expect(externalOf({ ...row, currency: 'USDT' })).toBe(null)
})

it('folds away what is worth next to nothing, unless a position holds it or its worth is not known', () => {
  expect(isDust({ ...row, worth: '0.99', in_positions: '0' })).toBe(true)
  expect(isDust({ ...row, worth: '0.99' })).toBe(false)
  expect(isDust({ ...row, worth: null, in_positions: '0' })).toBe(false)
})

it('knows no share of what has no price, or of nothing', () => {
  expect(shareOf(row, '3')).toBe('0.500000')
  expect(shareOf({ ...row, worth: null }, '3')).toBe(null)
  expect(shareOf(row, '0')).toBe(null)
})
