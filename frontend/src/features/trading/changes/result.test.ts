import { expect, test } from 'vitest'

import { resultAt } from './result'

const position = { held: '0.5', average_entry: '100' }

test('a price says what the position makes there', () => {
  expect(resultAt(position, '90')?.amount).toBe('-5.0')
  expect(resultAt(position, '104,5')?.amount).toBe('2.25')
  expect(resultAt(position, '104.5')?.percent).toBe(4.5)
})

test('what is no price says nothing', () => {
  expect(['', '-1', 'abc', '1e5'].map((typed) => resultAt(position, typed))).toEqual([null, null, null, null])
})
