import type { Holding } from '../../../api/client'
import { sum } from '../../../words/decimal'

/** Below this worth (of the portfolio's currency) coins are folded away; in BTC nothing is. */
const DUST = 1

/** What buys without being sold first. */
export const MONEY = new Set(['USDT', 'USDC', 'EUR', 'USD', 'FDUSD'])

/** Coins beyond open positions: Aristobot did not buy them, or keeps no position for them. Money is none; null for it. */
export function externalOf(row: Holding): string | null {
  return MONEY.has(row.currency) ? null : sum([row.free, row.locked, `-${row.in_positions}`])
}

/** Whether a holding is worth so little that it only takes room; one without a price is not. */
export function isDust(row: Holding): boolean {
  return row.worth !== null && Number(row.worth) < DUST && Number(row.in_positions) === 0
}

/** How much of the total it is (fraction); null while its worth is not known. */
export function shareOf(row: Holding, total: string): string | null {
  const whole = Number(total)
  return row.worth === null || whole <= 0 ? null : (Number(row.worth) / whole).toFixed(6)
}
