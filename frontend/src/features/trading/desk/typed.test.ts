import { describe, expect, it } from 'vitest'

import { EMPTY, type Typed, fieldsOf, requestOf } from './typed'

const typed = (more: Partial<Typed>): Typed => ({ ...EMPTY, amount: '100', ...more })

describe('a ticket', () => {
  it('asks nothing without an amount', () => {
    expect(requestOf(1, 'BTC/USDT', typed({ amount: ' ' }))).toBeNull()
  })

  it('sends what its type takes, and nothing that was typed for another', () => {
    const all = { price: '40000', stop_price: '39000', stop_loss: '38000', take_profit: '50000', max_slippage: '1' }
    expect(requestOf(1, 'BTC/USDT', typed(all))).toEqual({
      broker: 1, symbol: 'BTC/USDT', side: 'buy', type: 'market', unit: 'quote', amount: '100', stop_loss: '38000', take_profit: '50000', max_slippage: '1',
    })
    expect(requestOf(1, 'BTC/USDT', typed({ ...all, side: 'sell', type: 'limit', time_in_force: 'FOK' }))).toEqual({
      broker: 1, symbol: 'BTC/USDT', side: 'sell', type: 'limit', unit: 'quote', amount: '100', price: '40000', time_in_force: 'FOK',
    })
  })

  it('takes a comma for a decimal point, and leaves empty fields out', () => {
    expect(requestOf(1, 'BTC/USDT', typed({ amount: '0,5', type: 'limit', price: '' }))).toEqual({
      broker: 1, symbol: 'BTC/USDT', side: 'buy', type: 'limit', unit: 'quote', amount: '0.5', time_in_force: 'GTC',
    })
  })

  it('puts only what is bought under a stop', () => {
    expect(fieldsOf({ side: 'sell', type: 'stop_loss' })).toEqual(['stop_price', 'trailing'])
    expect(fieldsOf({ side: 'buy', type: 'market' })).toEqual(['max_slippage', 'stop_loss', 'take_profit'])
  })
})
