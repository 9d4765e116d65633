import { useI18n } from 'vue-i18n'

import { price, quantity } from '../../format'
import { useReasons } from '../shared/reasons'
import { factOf, sideOf, stateOf } from './grammar'

const PRICES = ['price', 'cost']
const STATES = ['ours', 'theirs']

/** What the two sides said of an order and what was recorded, in the user's language. */
export function useStatements() {
  const { t, te } = useI18n()
  const { reason } = useReasons()

  function state(status: string): string {
    const key = `order_states.${stateOf(status)}`
    return te(key) ? t(key) : status
  }

  function side(text: string): string {
    const read = sideOf(text)
    if (read.kind === 'other') return read.text
    if (read.kind === 'holds') return t('statements.holds', { amount: quantity(read.amount), currency: read.currency })
    if (read.kind !== 'said') return t(`statements.${read.kind}`)
    return t('statements.said', { state: state(read.status), filled: quantity(read.filled), size: quantity(read.size) })
  }

  function value(name: string, text: string): string {
    if (PRICES.includes(name)) return price(text)
    if (name === 'quantity') return quantity(text)
    if (STATES.includes(name)) return state(text)
    return name === 'reason' ? reason(text) : text
  }

  /** The event's name alone where its detail cannot be read, or has no price. */
  function fact(text: string): string {
    const { event, values } = factOf(text)
    const known = Object.entries(values).filter(([, said]) => said !== 'None')
    const detailed = te(`facts.${event}`) && known.length && known.length === Object.keys(values).length
    if (detailed) return t(`facts.${event}`, Object.fromEntries(known.map(([name, said]) => [name, value(name, said)])))
    const key = `topics.Order_${event}`
    return te(key) ? t(key) : text
  }

  return { state, side, fact }
}
