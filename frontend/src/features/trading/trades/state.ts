/** Why the exchange did not take an order, where that was no rejection. */
const SHOWN: Record<string, string> = {
  // It never reached the exchange: its absence was proven.
  never_reached_the_exchange: 'never_arrived',
  // It was sent while its coins were locked, so that the exchange judges everything else.
  coins_protected: 'only_weighed',
}

/** The word for where an order stands (`order_states`). */
export function stateShown(row: { state: string; reason: string | null }): string {
  const shown = row.state === 'rejected' && row.reason !== null ? SHOWN[row.reason] : undefined
  return shown ?? row.state
}
