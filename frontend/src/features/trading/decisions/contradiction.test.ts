import { describe, expect, it } from 'vitest'

import type { Sides } from '../../../api/client'
import { OUTCOMES, contradicts } from './contradiction'

const SILENT: Sides['theirs'] = {
  answered: false, problem: 'gateway_away', found: null, status: null, state: null, exchange_order_id: null, quantity: null, filled: null,
}
const contradicted = (said: Partial<Sides['theirs']>) => OUTCOMES.filter((one) => contradicts(one, { ...SILENT, ...said }))

describe('an outcome contradicts', () => {
  it('no silence', () => {
    expect(contradicted({})).toEqual([])
  })
  it('an exchange that does not show the order, unless it never arrived', () => {
    expect(contradicted({ answered: true, found: false })).toEqual(['open', 'closed', 'cancelled', 'expired'])
  })
  it('every other state that the exchange says', () => {
    expect(contradicted({ answered: true, found: true, state: 'closed' })).toEqual(['open', 'cancelled', 'expired', 'rejected'])
  })
  it('no word that nobody knows', () => {
    expect(contradicted({ answered: true, found: true, state: null, status: 'HALTED' })).toEqual([])
  })
})
