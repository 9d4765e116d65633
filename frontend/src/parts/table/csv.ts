import type { Column } from './columns'

/** What a spreadsheet would take for a formula, and a number that is none. */
const FORMULA = /^[=+\-@\t\r]/
const NUMBER = /^-?\d+(\.\d+)?$/

/** One cell (RFC 4180). A text that a spreadsheet would run begins with an apostrophe, as OWASP recommends. */
function cell(value: string | number | null): string {
  const said = value === null ? '' : String(value)
  const harmless = FORMULA.test(said) && !NUMBER.test(said) ? `'${said}` : said
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

/** The rows as comma-separated values, with the titles in the first line. */
export function csvOf<Row>(columns: Column<Row>[], rows: Row[]): string {
  const lines = [columns.map((column) => column.title), ...rows.map((row) => columns.map((column) => column.value(row)))]
  return lines.map((line) => `${line.map(cell).join(',')}\r\n`).join('')
}

/** Hand a text to the browser as a file. The mark at its beginning tells spreadsheets that it is UTF-8. */
export function download(name: string, text: string): void {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([`\uFEFF${text}`], { type: 'text/csv;charset=utf-8' }))
  link.download = name
  link.click()
  URL.revokeObjectURL(link.href)
}
