import { compare } from '../../words/decimal'

export type Cell = string | number | null

/** One column of a table. Its cell is drawn by the slot `cell-` and its key, else as `shown` says it, else as its value. */
export interface Column<Row> {
  key: string
  title: string
  /** What the column is sorted by and exported as: texts, exact decimals, times in ISO 8601. */
  value: (row: Row) => Cell
  shown?: (row: Row) => string
  tone?: (row: Row) => string
  /** Pixels that it needs. */
  width: number
  number?: boolean
  /** Hidden until its user chooses it. */
  hidden?: boolean
}

/** A choice that narrows a table to the rows for which it holds. */
export interface Filter<Row> {
  key: string
  title: string
  choices: { value: string; word: string }[]
  holds: (row: Row, value: string) => boolean
  /** Whether an address may ask for this value; without it, the choices say so. */
  accepts?: (value: string) => boolean
}

/** What a list is narrowed to: the chosen value by filter, and under `text` what its rows must contain. Empty ones do not narrow. */
export type Narrowed = Record<string, string>

export interface Sort {
  key: string
  down: boolean
}

const DECIMAL = /^-?\d+(\.\d+)?$/

/** The order of two cells; what is not known comes last, whichever way is sorted. */
function inOrder(a: Cell, b: Cell, down: boolean): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null)
  const [left, right] = [String(a), String(b)]
  const order = DECIMAL.test(left) && DECIMAL.test(right) ? compare(left, right) : left.localeCompare(right)
  return down ? -order : order
}

/** The rows in this order; equal ones stay as they were. */
export function sorted<Row>(rows: Row[], columns: Column<Row>[], sort: Sort | null): Row[] {
  const column = columns.find((one) => one.key === sort?.key)
  if (!column || !sort) return rows
  const keyed = rows.map((row) => [column.value(row), row] as const)
  return keyed.sort(([a], [b]) => inOrder(a, b, sort.down)).map(([, row]) => row)
}

/** A text without slashes, blanks around it and capitals: `btcusdt` finds `BTC/USDT`. */
const bare = (text: string): string => text.trim().replaceAll('/', '').toLowerCase()

/** Whether one of the ids begins with what is looked for, in its case or all in upper or lower case, as on the server. */
export function begins(wanted: string, ids: (string | null)[]): boolean {
  const looked = wanted.trim()
  return looked !== '' && ids.some((id) => id !== null && [looked, looked.toLowerCase(), looked.toUpperCase()].some((one) => id.startsWith(one)))
}

/** Whether one of the texts contains what is looked for. The server looks in the same way. */
export function contains(wanted: string, texts: (string | null)[]): boolean {
  const looked = bare(wanted)
  return !looked || texts.some((text) => text !== null && bare(text).includes(looked))
}

/** The columns as their user has arranged them: new ones come last, those that are gone are forgotten. */
export function arranged<Row>(columns: Column<Row>[], layout: { order: string[]; hidden: string[] } | undefined): Column<Row>[] {
  if (!layout) return columns.filter((column) => !column.hidden)
  const place = (column: Column<Row>): number => (layout.order.includes(column.key) ? layout.order.indexOf(column.key) : columns.length)
  return [...columns].sort((a, b) => place(a) - place(b)).filter((column) => !layout.hidden.includes(column.key))
}
