import { expect, it } from 'vitest'

import { totalsOf } from './totals'

it('adds each currency by itself and counts what is not known', () => {
  const amounts = [
    { amount: '0.1', currency: 'USDT' }, { amount: '0.2', currency: 'USDT' }, { amount: null, currency: 'USDT' },
    { amount: '-5', currency: 'EUR' },
  ]
  expect(totalsOf(amounts)).toEqual([
    { currency: 'EUR', total: '-5', missing: 0 },
    { currency: 'USDT', total: '0.3', missing: 1 },
  ])
})
