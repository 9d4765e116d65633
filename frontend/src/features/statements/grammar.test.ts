import { describe, expect, it } from 'vitest'

import { factOf, sideOf, stateOf } from './grammar'

describe('what a side said', () => {
  it('is a state with what was executed of what', () => {
    expect(sideOf('open 0/0.00546')).toEqual({ kind: 'said', status: 'open', filled: '0', size: '0.00546' })
    expect(sideOf('PARTIALLY_FILLED 1.5/3')).toEqual({ kind: 'said', status: 'PARTIALLY_FILLED', filled: '1.5', size: '3' })
    expect(sideOf('TWO WORDS 0/1')).toMatchObject({ status: 'TWO WORDS' })
  })
  it('is what is held of a currency', () => {
    expect(sideOf('holds 0.00999 BTC')).toEqual({ kind: 'holds', amount: '0.00999', currency: 'BTC' })
  })
  it('or nothing of that', () => {
    expect(sideOf('nothing')).toEqual({ kind: 'nothing' })
    expect(sideOf('not found')).toEqual({ kind: 'not_found' })
    expect(sideOf('unreadable')).toEqual({ kind: 'unreadable' })
    expect(sideOf('whatever comes')).toEqual({ kind: 'other', text: 'whatever comes' })
  })
  it('may use an exchange’s own word', () => {
    expect(['NEW', 'FILLED', 'live', 'canceled', 'cancelled', 'closed', 'HALTED'].map(stateOf)).toEqual([
      'open', 'closed', 'open', 'cancelled', 'cancelled', 'closed', 'HALTED',
    ])
  })
})

describe('what was recorded', () => {
  it('names its values', () => {
    expect(factOf('Filled trade 7: 0.1 at 2800.50')).toEqual({ event: 'Filled', values: { trade: '7', quantity: '0.1', price: '2800.50' } })
    expect(factOf('Amended 0.002 at 61000.00').values).toEqual({ quantity: '0.002', price: '61000.00' })
    expect(factOf('Amended 0.002 at None').values).toEqual({ quantity: '0.002', price: 'None' })
    expect(factOf('Progressed 0.1 for 280').values).toEqual({ quantity: '0.1', cost: '280' })
    expect(factOf('Corrected open instead of cancelled').values).toEqual({ theirs: 'open', ours: 'cancelled' })
    expect(factOf('Contradicted fill_contradicts: trade 1 is no amount').values).toEqual({
      reason: 'fill_contradicts', detail: 'trade 1 is no amount',
    })
    expect(factOf('Accepted 1007').values).toEqual({ number: '1007' })
  })
  it('may have none, or one that nobody can read', () => {
    expect(factOf('Closed')).toEqual({ event: 'Closed', values: {} })
    expect(factOf('Filled something else')).toEqual({ event: 'Filled', values: {} })
  })
})
