import { expect, it } from 'vitest'

import { ACTIONS, isReachedByTradingView, messageFor, newWish, scriptFor, trialOf } from './template'

it('fills in the numbers of the user and the account', () => {
  expect(scriptFor(3, 7)).toContain('input.int(3, "UserID"')
  expect(scriptFor(3, 7)).toContain('input.int(7, "UserExchangeID"')
})

/** What TradingView makes of a message, with absent numbers as null. */
const sent = (message: string): unknown => JSON.parse(message.replace(/\{\{[\w.]+\}\}/g, '1').replaceAll('NaN', 'null'))

it('makes a message of every wish', () => {
  for (const action of ACTIONS) expect(sent(messageFor(3, 7, { ...newWish(), action }))).toMatchObject({ Symbol: '1', Open: 1, Action: action, UserID: 3, UserExchangeID: 7 })
  expect(sent(messageFor(3, 7, { ...newWish(), indicator: 'a "b" \\' }))).toMatchObject({ IndicateurName: 'a "b" \\', PourCent: 50, PrixSL: null })
  expect(sent(messageFor(3, 7, { ...newWish(), symbol: 'ETHUSDT' }))).not.toHaveProperty('Currency')
})

it('tries the alert that the message would send, without an interval', () => {
  const said = sent(trialOf(3, 7, { ...newWish(), stop: '100' }, new Date('2026-03-02T09:30:00Z')))
  expect(said).toMatchObject({ Symbol: 'BTCUSDT', BarTime: '2026-03-02T09:30:00.000Z', PrixSL: 100, PourCent: 50 })
  expect(said).not.toHaveProperty('Interval')
})

it('knows what TradingView cannot reach', () => {
  for (const address of ['http://127.0.0.1:8888/webhook', 'http://0.0.0.0:8888/', 'https://hooks.example.com:8443/', 'http://receiver/', 'http://192.168.1.4/', 'http://[::1]/', '']) {
    expect(isReachedByTradingView(address), address).toBe(false)
  }
  for (const address of ['https://hooks.example.com/webhook/receive?token=x', 'http://203.0.113.7/']) expect(isReachedByTradingView(address), address).toBe(true)
})
