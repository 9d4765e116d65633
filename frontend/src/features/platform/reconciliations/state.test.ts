import { expect, it } from 'vitest'

import { stateOf } from './state'

const run = (state: string, ...resolutions: string[]) => ({ state, discrepancies: resolutions.map((resolution) => ({ resolution })) })

it('is not done while it left something to decide or to wait for', () => {
  expect(stateOf(run('completed'))).toBe('completed')
  expect(stateOf(run('completed', 'recorded', 'adopted'))).toBe('completed')
  expect(stateOf(run('completed', 'recorded', 'awaited'))).toBe('awaited')
  expect(stateOf(run('completed', 'awaited', 'undecided'))).toBe('decide')
  expect(stateOf(run('failed'))).toBe('failed')
})
