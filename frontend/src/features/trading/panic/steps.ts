import type { PanicStep } from '../../../api/client'

export type State = 'waits' | 'sent' | 'unknown' | 'done' | 'filled' | 'not_sent'

const OF_A_SALE: Record<string, State> = { placed: 'waits', submitted: 'sent', open: 'sent', unknown: 'unknown', closed: 'done' }
const OF_A_CANCEL: Record<string, State> = { placed: 'sent', submitted: 'sent', open: 'sent', unknown: 'unknown', closed: 'filled' }

/** How far a step of a panic has come: a sale that ended without a fill is not sent, a cancel that ended is done. */
export function stateOf(step: Pick<PanicStep, 'sells' | 'state'>): State {
  return step.sells ? (OF_A_SALE[step.state] ?? 'not_sent') : (OF_A_CANCEL[step.state] ?? 'done')
}
