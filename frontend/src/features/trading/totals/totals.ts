import { sum } from '../../../words/decimal'

export interface Counted {
  amount: string | null
  currency: string
}

/** The sum in each currency; amounts of different currencies are never added. What is not known is counted apart. */
export function totalsOf(amounts: Counted[]): { currency: string; total: string; missing: number }[] {
  const currencies = [...new Set(amounts.map((one) => one.currency))].sort()
  return currencies.map((currency) => {
    const own = amounts.filter((one) => one.currency === currency)
    const known = own.flatMap((one) => (one.amount === null ? [] : [one.amount]))
    return { currency, total: sum(known), missing: own.length - known.length }
  })
}
