import { describe, expect, it } from 'vitest'

import { type Column, arranged, contains, sorted } from './columns'

interface Row { name: string; price: string | null }
const columns: Column<Row>[] = [
  { key: 'name', title: 'Name', value: (row) => row.name, width: 80 },
  { key: 'price', title: 'Price', value: (row) => row.price, width: 80, number: true, hidden: true },
]
const rows: Row[] = [{ name: 'b', price: '10' }, { name: 'a', price: '9.5' }, { name: 'c', price: null }, { name: 'd', price: '-1' }]
const names = (of: Row[]) => of.map((row) => row.name).join('')

describe('a table', () => {
  it('is sorted by numbers as numbers, and what is not known comes last', () => {
    expect(names(sorted(rows, columns, { key: 'price', down: false }))).toBe('dabc')
    expect(names(sorted(rows, columns, { key: 'price', down: true }))).toBe('badc')
    expect(names(sorted(rows, columns, { key: 'name', down: false }))).toBe('abcd')
  })
  it('stays as it is without a known column', () => {
    expect(sorted(rows, columns, null)).toBe(rows)
    expect(sorted(rows, columns, { key: 'gone', down: true })).toBe(rows)
  })
  it('finds a pair however it is written', () => {
    expect(contains(' btcusdt', ['BTC/USDT', null])).toBe(true)
    expect(contains('BTC/', ['btc/usdt'])).toBe(true)
    expect(contains('eth', ['BTC/USDT', null])).toBe(false)
    expect(contains('  ', [])).toBe(true)
  })
  it('shows the columns that are chosen, in the chosen order', () => {
    expect(arranged(columns, undefined).map((one) => one.key)).toEqual(['name'])
    expect(arranged(columns, { order: ['price', 'gone'], hidden: [] }).map((one) => one.key)).toEqual(['price', 'name'])
    expect(arranged(columns, { order: [], hidden: ['name'] }).map((one) => one.key)).toEqual(['price'])
  })
})
