import { NEVER_ARRIVED } from '../trades/state'

type Facts = Record<string, unknown>

/** How much a protection covers, by the price that would cover it. */
const COVERED_BY: Record<string, string> = {
  share: 'stop_loss', covered: 'stop_loss', target_share: 'take_profit', target_covered: 'take_profit',
}

/** The topic under which a chapter is told: an order whose absence is proven was not rejected by anybody. */
export function topicOf(topic: string, facts: Facts): string {
  return topic === 'Order.Rejected' && facts.reason === NEVER_ARRIVED ? 'Order.NeverArrived' : topic
}

/** What of an event is told: no detail that only repeats its reason, and no cover by a price that there is not. */
export function factsShown(facts: Facts): [string, unknown][] {
  const wanted = 'protection' in facts ? facts.protection : facts.kept
  const named = 'protection' in facts || 'kept' in facts
  const prices = (wanted ?? {}) as Facts

  function isTold(name: string, said: unknown): boolean {
    if (name === 'detail') return said !== facts.reason
    const price = COVERED_BY[name]
    return !named || price === undefined || (prices[price] ?? null) !== null
  }
  return Object.entries(facts).filter(([name, said]) => isTold(name, said))
}
