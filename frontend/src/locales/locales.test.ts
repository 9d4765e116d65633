import { describe, expect, it } from 'vitest'

import en from './en.json'
import fr from './fr.json'

const keys = (tree: object, path = ''): string[] =>
  Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'object' ? keys(value as object, `${path}${key}.`) : [`${path}${key}`],
  )

describe('the two languages', () => {
  it('say the same things', () => {
    expect(keys(fr).sort()).toEqual(keys(en).sort())
  })
  it('leave nothing empty', () => {
    for (const text of [...keys(fr), ...keys(en)]) expect(text).not.toBe('')
  })
})
