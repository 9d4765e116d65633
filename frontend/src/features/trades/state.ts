/** The exchange has rejected nothing of an order that never reached it: its absence was proven. */
export const NEVER_ARRIVED = 'never_reached_the_exchange'

/** The word for where an order stands (`order_states`). */
export function stateShown(row: { state: string; reason: string | null }): string {
  return row.state === 'rejected' && row.reason === NEVER_ARRIVED ? 'never_arrived' : row.state
}
