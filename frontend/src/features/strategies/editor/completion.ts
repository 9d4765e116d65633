import { type Completion, type CompletionContext, type CompletionResult, snippetCompletion } from '@codemirror/autocomplete'

import type { TaFunction } from '../../../api/client'

/** The columns of the candles that a strategy is given. */
export const COLUMNS = ['time', 'open', 'high', 'low', 'close', 'volume']
/** What a strategy has to have, and what it is given. */
const METHODS: Record<string, string> = {
  should_long: '-> bool:\n\treturn ${False}',
  should_short: '-> bool:\n\treturn ${False}',
  calculate_position_size: '-> float:\n\treturn ${self.balance * 0.1}',
  calculate_stop_loss: '-> float:\n\treturn ${0.02}',
  calculate_take_profit: '-> float:\n\treturn ${0.04}',
}
const GIVEN = ['candles', 'balance', 'position', 'parameters', 'log']
const FACTS = ['entry_price', 'quantity', 'entry_time', 'stop', 'target']

/** A call with the parameters that have no default, to be filled in one after the other. */
export function callOf({ name, parameters }: Pick<TaFunction, 'name' | 'parameters'>): string {
  const needed = parameters.split(', ').filter((one) => !one.includes('=') && !one.startsWith('*'))
  const given = needed.map((one) => (COLUMNS.includes(one.replace(/_$/, '')) ? `self.candles["${one.replace(/_$/, '')}"]` : `\${${one}}`))
  const length = parameters.includes('length=') ? [...given, 'length=${14}'] : given
  return `${name}(${length.join(', ')})`
}

const ofFunction = (one: TaFunction): Completion =>
  snippetCompletion(callOf(one), { label: one.name, detail: `(${one.parameters})`, info: one.about, type: 'function' })
const ofMethod = ([name, body]: [string, string]): Completion => snippetCompletion(`def ${name}(self) ${body}`, { label: `def ${name}`, type: 'method' })

/** What fits where the cursor is: functions after `ta.`, columns in brackets, the contract after `self.` and `def`. */
export function completing(functions: () => TaFunction[], about: (name: string) => string) {
  const named = (names: string[], type: string): Completion[] => names.map((label) => ({ label, type, info: about(label) || undefined }))
  return (context: CompletionContext): CompletionResult | null => {
    const ta = context.matchBefore(/\bta\.\w*$/)
    if (ta) return { from: ta.from + 3, options: functions().map(ofFunction), validFor: /^\w*$/ }
    const column = context.matchBefore(/candles\[["']\w*$/)
    if (column) return { from: column.from + column.text.search(/["']/) + 1, options: named(COLUMNS, 'property'), validFor: /^\w*$/ }
    const fact = context.matchBefore(/position\[["']\w*$/)
    if (fact) return { from: fact.from + fact.text.search(/["']/) + 1, options: named(FACTS, 'property'), validFor: /^\w*$/ }
    const own = context.matchBefore(/self\.\w*$/)
    if (own) return { from: own.from + 5, options: named([...GIVEN, ...Object.keys(METHODS)], 'property'), validFor: /^\w*$/ }
    const method = context.matchBefore(/\bdef \w*$/)
    if (method) return { from: method.from, options: Object.entries(METHODS).map(ofMethod), validFor: /^def \w*$/ }
    return null
  }
}
