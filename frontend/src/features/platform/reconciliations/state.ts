import type { Reconciliation } from '../../../api/client'

const DONE: Record<string, string> = {
  recorded: 'ok', adopted: 'info', looked_up: 'info', awaited: 'warn', decide: 'bad', undecided: 'bad', history_lost: 'bad',
}
const COLOUR: Record<string, string> = { completed: 'ok', failed: 'bad', running: 'info', decide: 'bad', awaited: 'warn' }

/** The word for how a reconciliation stands: one that left something open is no green one. */
export function stateOf(run: Pick<Reconciliation, 'state'> & { discrepancies: { resolution: string }[] }): string {
  if (run.state !== 'completed') return run.state
  const left = run.discrepancies.map((one) => DONE[one.resolution])
  return left.includes('bad') ? 'decide' : left.includes('warn') ? 'awaited' : 'completed'
}

export const colourOf = (run: Reconciliation): string => COLOUR[stateOf(run)] ?? 'muted'
