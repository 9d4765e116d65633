import type { Gates } from '../../../api/client'

export const NUMBERS = ['rest', 'rest_after_loss', 'most_entries', 'approved'] as const
type Numbered = (typeof NUMBERS)[number]
export const MOST: Record<Numbered, number> = { rest: 10_080, rest_after_loss: 10_080, most_entries: 1000, approved: 100 }
/** The fields of a form of gates. An empty one is an open gate. */
export type GateField = Numbered | 'twin'
export type GatesTyped = { locked: boolean } & Record<GateField, string | number>

export const FIELDS: GateField[] = [...NUMBERS, 'twin']

export function typed(gates: Gates): GatesTyped {
  const fields = FIELDS.map((name) => [name, gates[name] ?? ''])
  return { locked: gates.locked, ...(Object.fromEntries(fields) as Record<GateField, string | number>) }
}

export function gatesOf(wish: GatesTyped): Gates {
  const fields = FIELDS.map((name) => [name, wish[name] === '' ? null : Number(wish[name])])
  return { locked: wish.locked, ...(Object.fromEntries(fields) as Record<GateField, number | null>) }
}

/** Whether anything is held back, or done on paper too. */
export const areSet = (gates: Gates): boolean => gates.locked || FIELDS.some((name) => typeof gates[name] === 'number')
