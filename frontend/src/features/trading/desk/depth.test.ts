import { expect, test } from 'vitest'

import { ladder, ticked } from './depth'

test('each rung says what is offered up to its price', () => {
  const rungs = ladder([['101', '1'], ['102', '2'], ['103', '1'], ['104', '9']], 3)
  expect(rungs.map((rung) => [rung.price, rung.share])).toEqual([['101', 0.25], ['102', 0.75], ['103', 1]])
  expect(ladder([], 5)).toEqual([])
})

test('a trade has gone up or down from the one before it', () => {
  const trades = ['3', '2', '2', '5'].map((price, place) => ({ id: 9 - place, price, quantity: '1', at: 0 }))
  expect(trades.map((_, place) => ticked(trades, place))).toEqual(['up', '', 'down', ''])
})
