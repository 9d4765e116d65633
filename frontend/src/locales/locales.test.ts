import { describe, expect, it } from 'vitest'

import toldEn from '../../../adapters/words/en.json'
import toldFr from '../../../adapters/words/fr.json'
import ownEn from './en.json'
import ownFr from './fr.json'

const [fr, en] = [{ ...ownFr, ...toldFr }, { ...ownEn, ...toldEn }]

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
