import { useI18n } from 'vue-i18n'

import codes from '../../../adapters/words/codes.json'
import type { Fact, Statement } from '../api/client'
import { price, quantity } from './format'
import { useReasons } from './reasons'

/** Our state for each exchange's name of it. */
const NATIVE: Record<string, string> = codes.states

/** The values that tell each fact; the others are in the order's story. */
const TOLD: Record<string, string[]> = {
  Accepted: ['exchange_order_id'],
  Amended: ['quantity', 'price'],
  Filled: ['trade_id', 'quantity', 'price'],
  Progressed: ['cumulative_quantity', 'cumulative_cost'],
  Corrected: ['theirs', 'ours'],
  StatusUnknown: ['native_status'],
  Contradicted: ['reason'],
}
const PRICES = ['price', 'cost', 'cumulative_cost']
const QUANTITIES = ['quantity', 'cumulative_quantity', 'filled', 'size', 'amount']
const STATES = ['ours', 'theirs', 'status']

/** What the two sides said of an order and what was recorded, in the user's language. */
export function useStatements() {
  const { t, te } = useI18n()
  const { reason } = useReasons()

  function state(status: string): string {
    const key = `order_states.${NATIVE[status.toLowerCase()] ?? status}`
    return te(key) ? t(key) : status
  }

  function value(name: string, text: string): string {
    if (PRICES.includes(name)) return price(text)
    if (QUANTITIES.includes(name)) return quantity(text)
    if (STATES.includes(name)) return state(text)
    return name === 'reason' ? reason(text) : text
  }

  function told(values: Record<string, string>): Record<string, string> {
    return Object.fromEntries(Object.entries(values).map(([name, text]) => [name, value(name, text)]))
  }

  /** A statement of an earlier version that could not be read is shown as it was. */
  function side({ kind, values }: Statement): string {
    return values.said && kind === 'unreadable' ? values.said : t(`statements.${kind}`, told(values))
  }

  /** The event's name alone where a value that tells it is missing. */
  function fact({ event, values }: Fact): string {
    if (TOLD[event]?.every((name) => name in values)) return t(`facts.${event}`, told(values))
    const key = `topics.Order_${event}`
    return te(key) ? t(key) : (values.said ?? event)
  }

  return { state, side, fact }
}
