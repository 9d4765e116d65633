import type { Position } from '../../../api/client'

/** Levels at which coins stand without the stop that they should have, or without any. */
const BARE = new Set(['none', 'no_stop', 'partly_covered', 'below_minimum', 'refused', 'unprotected'])
const [LEAST_SHOWN, MOST_SHOWN] = [0.1, 99]

/** How much of what is held is under a stop that rests, in percent, never rounded to all or nothing; null for none. */
export function coverOf(row: Pick<Position, 'level' | 'held' | 'protected'>): number | null {
  if (row.level === 'covered') return 100
  if (row.level === 'none' || row.level === 'no_stop') return null
  const [held, under] = [Number(row.held), Number(row.protected)]
  if (!held || !under) return null
  const percent = (under / held) * 100
  return Math.min(Math.max(percent < 10 ? Math.round(percent * 10) / 10 : Math.round(percent), LEAST_SHOWN), MOST_SHOWN)
}

/** Levels that pass by within seconds, unless something holds them up: then nothing may be under a stop meanwhile. */
const PASSING = new Set(['in_exit', 'awaited'])
const PASSED_AFTER = 5000

/** Whether a position is to be named at the top of the page: less than all of it is under a stop, and it stays so. */
export function isBare(row: Pick<Position, 'level' | 'protected' | 'level_since'>, now: number): boolean {
  if (PASSING.has(row.level)) return !Number(row.protected) && now - Date.parse(row.level_since) > PASSED_AFTER
  return BARE.has(row.level)
}
