import { expect, it } from 'vitest'

import { coverOf, isBare } from './cover'

it('rounds no cover to all or to nothing', () => {
  expect(coverOf({ level: 'partly_covered', held: '1', protected: '0.99999' })).toBe(99)
  expect(coverOf({ level: 'partly_covered', held: '0.0753', protected: '0.0376' })).toBe(50)
  expect(coverOf({ level: 'partly_covered', held: '0.3144', protected: '0.0031' })).toBe(1)
  expect(coverOf({ level: 'partly_covered', held: '100000', protected: '0.00001' })).toBe(0.1)
})

it('calls covered what lacks no more than the rest below a step', () => {
  expect(coverOf({ level: 'covered', held: '1.00000001', protected: '1' })).toBe(100)
})

it('knows no cover where no stop rests', () => {
  expect(coverOf({ level: 'no_stop', held: '1', protected: '1' })).toBeNull()
  expect(coverOf({ level: 'unprotected', held: '1', protected: '0' })).toBeNull()
})

const since = '2026-03-02T09:00:00Z'
const now = Date.parse(since)
const at = (level: string, protected_: string, seconds: number) =>
  isBare({ level, protected: protected_, level_since: since }, now + seconds * 1000)

it('names what stays bare, not what is on its way', () => {
  expect(['none', 'no_stop', 'partly_covered', 'unprotected'].every((level) => at(level, '0', 0))).toBe(true)
  expect(['covered', 'in_exit', 'awaited', 'old_level'].some((level) => at(level, '0', 1))).toBe(false)
})

it('names what was to pass by and lasts, with nothing under a stop meanwhile', () => {
  expect(['in_exit', 'awaited'].every((level) => at(level, '0', 6))).toBe(true)
  expect(['in_exit', 'awaited', 'old_level'].some((level) => at(level, '1', 60))).toBe(false)
})
