import { beforeEach, describe, expect, it, vi } from 'vitest'

const { locale } = vi.hoisted(() => ({ locale: { value: 'en' } }))
vi.mock('../preferences', () => ({ shown: { zone: 'UTC' } }))
vi.mock('../i18n', () => ({ i18n: { global: { locale } } }))

import { age, average, change, money, percent, price, quantity, share, signed, tone } from './format'

beforeEach(() => {
  locale.value = 'en'
})

describe('prices', () => {
  it('keep every digit, have two decimals, and no zeros after them', () => {
    expect(price('0.00001234000')).toBe('0.00001234')
    expect(price('64000.12345678')).toBe('64,000.12345678')
    expect(price('61000.00000000')).toBe('61,000.00')
    expect(price('9007199254740993.5')).toBe('9,007,199,254,740,993.50')
    expect(price(null)).toBe('—')
  })
  it('that were calculated end after eight digits that count', () => {
    expect(average('2800.3333333333333333333333')).toBe('2,800.3333')
    expect(average('0.00001234567891234')).toBe('0.000012345679')
    expect(average('123456789.5')).toBe('123,456,789.50')
  })
})

describe('amounts', () => {
  it('are rounded, never cut: a loss is not made smaller', () => {
    expect(signed('-9.999', 'USDT')).toBe('\u221210.00\u00a0USDT')
    expect(signed('-14.326', 'USDC')).toBe('\u221214.33\u00a0USDC')
    expect(signed('2.005', 'EUR')).toBe('+2.01\u00a0EUR')
  })
  it('of coins have eight decimals', () => {
    expect(money('0.123456789', 'BTC')).toBe('0.12345679\u00a0BTC')
    expect(money('12', 'ETH')).toBe('12.00\u00a0ETH')
  })
  it('that are tiny are not nothing, and nothing has no sign', () => {
    expect(signed('-0.0042', 'USDT')).toBe('\u22120.0042\u00a0USDT')
    expect(signed('-0.00', 'USDT')).toBe('0.00\u00a0USDT')
    expect(money('-0.000', 'USDT')).toBe('0.00\u00a0USDT')
  })
})

describe('French', () => {
  it('has a comma, narrow spaces and the true minus', () => {
    locale.value = 'fr'
    expect(price('1234567.891')).toBe('1\u202f234\u202f567,891')
    expect(signed('-1234.5', 'USDT')).toBe('\u22121\u202f234,50\u00a0USDT')
    expect(quantity('0.00546000')).toBe('0,00546')
    expect(percent('0.5')).toMatch(/^50,0\s%$/)
    expect(change(-3.57)).toMatch(/^\u22123,57\s%$/)
  })
})

describe('shares and tones', () => {
  it('read as percent', () => {
    expect(percent('0.3333')).toBe('33.3%')
    expect(change(3.571)).toBe('+3.57%')
    expect(share('12.5')).toBe('12.5%')
  })
  it('tell a rise from a fall without a float', () => {
    expect([tone('0.0000'), tone('-0.0'), tone('-0.1'), tone('3'), tone(null)]).toEqual(['', '', 'down', 'up', ''])
  })
  it('say how old something is', () => {
    const since = (now: string): string => age('2026-01-01T00:00:00Z', Date.parse(now)).replaceAll('\u00a0', ' ')
    expect(since('2026-01-01T00:00:09Z')).toBe('9 s')
    expect(since('2026-01-01T00:01:01Z')).toBe('1 min 1 s')
    expect(since('2026-01-01T01:02:03Z')).toBe('1 h 2 min')
    expect(since('2026-01-03T05:00:00Z')).toBe('2 d 5 h')
    locale.value = 'fr'
    expect(since('2026-01-03T05:00:00Z')).toBe('2 j 5 h')
  })
})
