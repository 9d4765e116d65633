import { expect, it } from 'vitest'

import type { Column } from './columns'
import { csvOf } from './csv'

const columns: Column<string | null>[] = [{ key: 'a', title: 'Text', value: (row) => row, width: 10 }]
const lineOf = (text: string | null) => csvOf(columns, [text]).split('\r\n')[1]

it('says the titles and then every row', () => {
  expect(csvOf(columns, ['x', null])).toBe('Text\r\nx\r\n\r\n')
})

it('quotes what would end a cell or a line', () => {
  expect(lineOf('a,b')).toBe('"a,b"')
  expect(lineOf('say "so"')).toBe('"say ""so"""')
})

it('makes harmless what a spreadsheet would run, and leaves numbers alone', () => {
  for (const text of ['=1+1', '+1', '-cmd', '@SUM(A1)', '\tx']) expect(lineOf(text)).toBe(`'${text}`)
  expect(lineOf('=HYPERLINK("x","y")')).toBe(`"'=HYPERLINK(""x"",""y"")"`)
  expect(lineOf('-12.5')).toBe('-12.5')
})
