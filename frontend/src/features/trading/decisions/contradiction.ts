import type { Sides } from '../../../api/client'

export const OUTCOMES = ['open', 'closed', 'cancelled', 'expired', 'rejected'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** Whether what a person says of an order is not what the exchange has just said of it. Silence contradicts nothing. */
export function contradicts(outcome: Outcome, theirs: Sides['theirs']): boolean {
  if (!theirs.answered) return false
  if (!theirs.found) return outcome !== 'rejected'
  return theirs.state !== null && theirs.state !== outcome
}
