/** The fixed texts in which the platform records what each side said of an order, taken apart. */

import codes from '../../../../adapters/words/codes.json'

/** One side: "open 0.1/0.5", "holds 0.2 ETH", "nothing", "not found", "unreadable". */
export type Side =
  | { kind: 'said'; status: string; filled: string; size: string }
  | { kind: 'holds'; amount: string; currency: string }
  | { kind: 'nothing' | 'not_found' | 'unreadable' }
  | { kind: 'other'; text: string }

const ALONE: Record<string, 'nothing' | 'not_found' | 'unreadable'> = {
  nothing: 'nothing', 'not found': 'not_found', unreadable: 'unreadable',
}

export function sideOf(text: string): Side {
  const alone = ALONE[text]
  if (alone) return { kind: alone }
  const holds = /^holds (-?[\d.]+) (\S+)$/.exec(text)
  if (holds) return { kind: 'holds', amount: holds[1] ?? '', currency: holds[2] ?? '' }
  const said = /^(.+) (-?[\d.]+)\/(-?[\d.]+)$/.exec(text)
  if (!said) return { kind: 'other', text }
  return { kind: 'said', status: said[1] ?? '', filled: said[2] ?? '', size: said[3] ?? '' }
}

/** The state of ours that an exchange's word means, in whatever exchange's spelling. */
const NATIVE: Record<string, string> = codes.states

export function stateOf(status: string): string {
  return NATIVE[status.toLowerCase()] ?? status
}

/** What was recorded: the event's name and the values that its detail holds. */
export interface Told {
  event: string
  values: Record<string, string>
}

/** How the detail of each event reads; the names are those of the values. */
const DETAILS: Record<string, RegExp> = {
  Accepted: /^(?<number>.+)$/,
  Amended: /^(?<quantity>[\d.]+) at (?<price>[\d.]+|None)$/,
  Filled: /^trade (?<trade>.+): (?<quantity>[\d.]+) at (?<price>[\d.]+)$/,
  Progressed: /^(?<quantity>[\d.]+) for (?<cost>[\d.]+)$/,
  Corrected: /^(?<theirs>\w+) instead of (?<ours>\w+)$/,
  StatusUnknown: /^(?<word>.+)$/,
  Contradicted: /^(?<reason>\w+): (?<detail>.*)$/,
}

export function factOf(text: string): Told {
  const space = text.indexOf(' ')
  const [event, detail] = space < 0 ? [text, ''] : [text.slice(0, space), text.slice(space + 1)]
  const found = DETAILS[event]?.exec(detail)?.groups
  return { event, values: found ? { ...found } : {} }
}
