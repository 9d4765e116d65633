import { describe, expect, it } from 'vitest'

import { compare, isZero, magnitude, product, sum } from './decimal'

describe('arithmetic on decimal texts', () => {
  it('multiplies without losing a digit', () => {
    expect(product('0.1', '0.2')).toBe('0.02')
    expect(product('-0.00546', '61000.5')).toBe('-333.062730')
    expect(product('123456789012345678.9', '10')).toBe('1234567890123456789.0')
    expect(product('30', '2')).toBe('60')
    expect(product('0', '-0.5')).toBe('0.0')
  })
  it('adds without losing a digit', () => {
    expect(sum(['0.1', '0.2', '-0.00000000003'])).toBe('0.29999999997')
    expect(sum(['123456789012345678.9', '-0.1'])).toBe('123456789012345678.8')
    expect(sum([])).toBe('0')
  })
  it('orders by size, not by letters', () => {
    expect(['10', '9.5', '-3', '0.00', '-10'].sort(compare)).toEqual(['-10', '-3', '0.00', '9.5', '10'])
    expect(compare('1.0', '1')).toBe(0)
  })
  it('knows nothing from something', () => {
    expect(['0', '0.00', '-0.000'].every(isZero)).toBe(true)
    expect(['0.001', '-1', '10'].some(isZero)).toBe(false)
  })
  it('finds the first digit that counts', () => {
    expect(['64000.1', '7.5', '0.5', '-0.005', '0'].map(magnitude)).toEqual([5, 1, 0, -2, 0])
  })
})
