import type { Trade } from '../../../api/client'

const PROOF_AFTER = 60_000

/** In how many seconds the exchange's lists can prove what became of an order in doubt; until then nobody has to decide. */
export function proofIn(row: Trade, now: number): number {
  return row.valid_until ? Math.max(Math.ceil((Date.parse(row.valid_until) + PROOF_AFTER - now) / 1000), 0) : 0
}
