import { expect, it } from 'vitest'

import { stateShown } from './state'

it('rejects nothing in the exchange\'s name that never reached it', () => {
  expect(stateShown({ state: 'rejected', reason: 'never_reached_the_exchange' })).toBe('never_arrived')
})

it('rejects nothing that was sent to be weighed', () => {
  expect(stateShown({ state: 'rejected', reason: 'coins_protected' })).toBe('only_weighed')
})

it('leaves every other state as it is', () => {
  expect(stateShown({ state: 'rejected', reason: 'insufficient_funds' })).toBe('rejected')
  expect(stateShown({ state: 'unknown', reason: 'never_reached_the_exchange' })).toBe('unknown')
  expect(stateShown({ state: 'open', reason: null })).toBe('open')
})
