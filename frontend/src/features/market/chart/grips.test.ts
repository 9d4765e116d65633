import { expect, test } from 'vitest'

import { snapped } from './grips'

test('a price is put on the nearest tick', () => {
  expect(snapped(45_000.126, '0.01')).toBe('45000.13')
  expect(snapped(45_000.126, '0.01000000')).toBe('45000.13')
  expect(snapped(0.123456, '0.0005')).toBe('0.1235')
  expect(snapped(17.4, '1')).toBe('17')
  expect(snapped(17.4, '5')).toBe('15')
})
