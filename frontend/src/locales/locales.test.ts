import { describe, expect, it } from 'vitest'

import toldEn from '../../../adapters/words/en.json'
import toldFr from '../../../adapters/words/fr.json'

/** One file a wing, by its name. */
type Files = Record<string, object>
const named = (files: Files): Files => Object.fromEntries(Object.entries(files).map(([path, words]) => [path.split('/').at(-1), words]))
const ownFr = named(import.meta.glob<object>('./fr/*.json', { eager: true, import: 'default' }))
const ownEn = named(import.meta.glob<object>('./en/*.json', { eager: true, import: 'default' }))

const merged = (own: Files, told: object): object => Object.assign({}, ...Object.values(own), told) as object
const [fr, en] = [merged(ownFr, toldFr), merged(ownEn, toldEn)]

const keys = (tree: object, path = ''): string[] =>
  Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'object' ? keys(value as object, `${path}${key}.`) : [`${path}${key}`],
  )

const texts = (tree: object): string[] =>
  Object.values(tree).flatMap((value) => (typeof value === 'object' ? texts(value as object) : [value as string]))

/** The names that a text leaves open, whatever its plural forms. */
const open = (text: string): string[] => [...new Set(text.match(/\{\w+\}/g))].sort()

describe('the two languages', () => {
  it('say the same things', () => {
    expect(keys(fr).sort()).toEqual(keys(en).sort())
  })
  it('say them in the same files', () => {
    expect(Object.keys(ownFr).length).toBeGreaterThan(1)
    expect(keys(ownFr).sort()).toEqual(keys(ownEn).sort())
  })
  it('have no key in two files', () => {
    for (const files of [[...Object.values(ownFr), toldFr], [...Object.values(ownEn), toldEn]]) {
      const all = files.flatMap((words) => Object.keys(words))
      expect(all.filter((key, index) => all.indexOf(key) !== index)).toEqual([])
    }
  })
  it('leave nothing empty', () => {
    for (const text of [...texts(fr), ...texts(en)]) expect(text).not.toBe('')
  })
  it('leave the same names open', () => {
    const names = (tree: object) => Object.fromEntries(keys(tree).map((key, index) => [key, open(texts(tree)[index] ?? '')]))
    expect(names(fr)).toEqual(names(en))
  })
  it('have plural forms instead of brackets', () => {
    expect([...texts(fr), ...texts(en)].filter((text) => /\(e?s\)/.test(text))).toEqual([])
  })
})
