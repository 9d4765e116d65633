import { expect, it } from 'vitest'

import { isReachedByTradingView, messageFor, scriptFor } from './template'

it('fills in the numbers of the user and the account', () => {
  expect(scriptFor(3, 7)).toContain('input.int(3, "UserID"')
  expect(scriptFor(3, 7)).toContain('input.int(7, "UserExchangeID"')
  const said = messageFor(3, 7).replace(/\{\{[\w.]+\}\}/g, '1').replaceAll('NaN', 'null')
  expect(JSON.parse(said)).toMatchObject({ Symbol: '1', Open: 1, UserID: 3, UserExchangeID: 7 })
})

it('knows what TradingView cannot reach', () => {
  for (const address of ['http://127.0.0.1:8888/webhook', 'http://0.0.0.0:8888/', 'https://hooks.example.com:8443/', 'http://receiver/', 'http://192.168.1.4/', 'http://[::1]/', '']) {
    expect(isReachedByTradingView(address), address).toBe(false)
  }
  for (const address of ['https://hooks.example.com/webhook/receive?token=x', 'http://203.0.113.7/']) expect(isReachedByTradingView(address), address).toBe(true)
})
