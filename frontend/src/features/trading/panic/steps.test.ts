import { expect, test } from 'vitest'

import { stateOf } from './steps'

test('a sale is done once it is closed, and not sent when it ended any other way', () => {
  expect(['placed', 'open', 'unknown', 'closed', 'refused', 'rejected'].map((state) => stateOf({ sells: true, state }))).toEqual(['waits', 'sent', 'unknown', 'done', 'not_sent', 'not_sent'])
})

test('a cancel is done once its order has ended without being filled', () => {
  expect(['open', 'cancelled', 'refused', 'closed'].map((state) => stateOf({ sells: false, state }))).toEqual(['sent', 'done', 'done', 'filled'])
})
