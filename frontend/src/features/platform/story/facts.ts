import { stateShown } from '../../trading/trades/state'

type Facts = Record<string, unknown>

/** How much a protection covers, by the price that would cover it. */
const COVERED_BY: Record<string, string> = {
  share: 'stop_loss', covered: 'stop_loss', target_share: 'take_profit', target_covered: 'take_profit',
}

/** How an end that was no rejection is told, by the state that it is shown as. */
const REJECTIONS: Record<string, string> = { never_arrived: 'Order.NeverArrived', only_weighed: 'Order.OnlyWeighed' }

/** The topic under which a chapter is told: nobody rejected an order that never arrived, or that was only weighed. */
export function topicOf(topic: string, facts: Facts): string {
  if (topic !== 'Order.Rejected') return topic
  return REJECTIONS[stateShown({ state: 'rejected', reason: String(facts.reason) })] ?? topic
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

/** Names that help whoever looks for something in a log or at the exchange, and nobody else. */
const TECHNICAL = /(_id|^(order|cause|user|sender|attempt|encoding|body|address|previous|orders|replaces))$/

export const isTechnical = (name: string): boolean => TECHNICAL.test(name)

/** What an alert asked for and which indicator sent it, as far as its text can be read. */
export function alertOf(facts: Facts): { action: string; indicator: string } | null {
  try {
    const said = JSON.parse(String(facts.body).replace(/\bNaN\b/g, 'null')) as Record<string, unknown>
    return typeof said.Action === 'string' ? { action: said.Action, indicator: typeof said.IndicateurName === 'string' ? said.IndicateurName : '' } : null
  } catch {
    return null
  }
}
