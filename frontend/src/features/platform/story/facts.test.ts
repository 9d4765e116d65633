import { describe, expect, it } from 'vitest'

import { alertOf, factsShown, isTechnical, topicOf } from './facts'

const COVER = { share: '100', covered: '2', target_share: '100', target_covered: '2' }
const names = (facts: Record<string, unknown>) => factsShown(facts).map(([name]) => name)

describe('what a protection covers', () => {
  it('is told of both prices where there are both', () => {
    const facts = { protection: { stop_loss: '90', take_profit: '120' }, ...COVER }
    expect(names(facts)).toEqual(['protection', 'share', 'covered', 'target_share', 'target_covered'])
  })
  it('is not told of a target that there is not', () => {
    expect(names({ protection: { stop_loss: '90', take_profit: null }, ...COVER })).toEqual(['protection', 'share', 'covered'])
    expect(names({ protection: { stop_loss: '90' }, ...COVER })).toEqual(['protection', 'share', 'covered'])
  })
  it('is not told of a stop that there is not', () => {
    expect(names({ protection: { take_profit: '120' }, ...COVER })).toEqual(['protection', 'target_share', 'target_covered'])
  })
  it('is not told where nothing is wanted again', () => {
    expect(names({ reason: 'entry_ended', kept: null, ...COVER })).toEqual(['reason', 'kept'])
  })
  it('is told of an event that names no prices', () => {
    expect(names({ covered: '2', target_covered: '1' })).toEqual(['covered', 'target_covered'])
  })
})

it('leaves out a detail that only repeats its reason', () => {
  expect(names({ reason: 'stale', detail: 'stale' })).toEqual(['reason'])
  expect(names({ reason: 'stale', detail: '91 s old' })).toEqual(['reason', 'detail'])
})

it('tells of an order that never arrived under a title of its own', () => {
  expect(topicOf('Order.Rejected', { reason: 'never_reached_the_exchange' })).toBe('Order.NeverArrived')
  expect(topicOf('Order.Rejected', { reason: 'coins_protected' })).toBe('Order.OnlyWeighed')
  expect(topicOf('Order.Rejected', { reason: 'insufficient_funds' })).toBe('Order.Rejected')
})

it('keeps ids apart from what happened', () => {
  expect(['client_order_id', 'trade_id', 'user', 'cause', 'sender', 'order'].every(isTechnical)).toBe(true)
  expect(['price', 'quantity', 'reason', 'broker', 'symbol', 'side', 'order_type'].some(isTechnical)).toBe(false)
})

it('reads what an alert asked for, however TradingView wrote it', () => {
  expect(alertOf({ body: '{"Action":"BuyMarket","PrixSL":NaN,"IndicateurName":"EMA"}' })).toEqual({ action: 'BuyMarket', indicator: 'EMA' })
  expect(alertOf({ body: '{"Action":"PING"}' })).toEqual({ action: 'PING', indicator: '' })
  expect(alertOf({ body: 'no JSON' })).toBe(null)
  expect(alertOf({})).toBe(null)
})
