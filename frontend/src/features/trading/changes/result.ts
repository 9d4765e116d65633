import type { Position } from '../../../api/client'
import { product, sum } from '../../../words/decimal'

/** What a position makes when all of it is sold at a price, before fees: in quote, and in percent of its entry. */
export function resultAt(position: Pick<Position, 'held' | 'average_entry'>, price: string): { amount: string; percent: number } | null {
  const at = price.trim().replace(',', '.')
  if (!/^\d+(\.\d+)?$/.test(at)) return null
  const by = sum([at, `-${position.average_entry}`])
  const entry = Number(position.average_entry)
  return { amount: product(by, position.held), percent: entry ? Math.round((Number(by) / entry) * 10_000) / 100 : 0 }
}
