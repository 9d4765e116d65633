import { defineStore } from 'pinia'
import { reactive } from 'vue'

import { type OpenStrategy, api, inTime, problemOf } from '../../api/client'
import { useSession } from '../people/session/store'

/** What was written, and the version it began with. */
export interface Written {
  code: string
  based_on: number
  history: number
}

/** A draft as this browser keeps it until the server has it: it takes the place of the one that was last seen there. */
interface Local extends Written {
  seen: string | null
}

/** Where a draft is: nowhere, on its way, at the server, only here, or beside another one that was written elsewhere. */
export type Keeping = 'nothing' | 'writing' | 'kept' | 'here' | 'elsewhere'

interface Entry {
  state: Keeping
  seen: string | null
  waiting: Written | null
  /** What the server was told last: it may have it although its answer was lost. */
  told: string | null
  sending: Promise<void> | null
  timer: number
}

const [SOON, AGAIN] = [800, 5000]
/** What may be over soon: the server or its database is away. */
const PASSING = new Set(['unreachable', 'database_away', 'internal_error'])

/** The drafts of all strategies. Each is in this browser from the first letter on, and stays until the server has it. */
export const useDrafts = defineStore('drafts', () => {
  const session = useSession()
  const entries = reactive(new Map<number, Entry>())

  const key = (of: number): string => `aristobot.draft.${session.current?.user ?? ''}.${of}`

  function entry(of: number): Entry {
    const found = entries.get(of)
    if (found) return found
    entries.set(of, { state: 'nothing', seen: null, waiting: null, told: null, sending: null, timer: 0 })
    return entries.get(of) as Entry
  }

  const stateOf = (of: number): Keeping => entry(of).state

  /** What only this browser has of a strategy, because the server could not be told. */
  function left(of: number): Local | null {
    const said = localStorage.getItem(key(of))
    return said === null ? null : (JSON.parse(said) as Local)
  }

  /** Begin with what the server has, and with what only this browser has. Return the draft to be shown, null for none. */
  function begin(of: number, kept: OpenStrategy['draft']): Written | null {
    const one = entry(of)
    const here = one.waiting ? { ...one.waiting, seen: one.seen } : left(of)
    if (!here) {
      Object.assign(one, { state: kept ? 'kept' : 'nothing', seen: kept?.saved_at ?? null })
      return kept
    }
    one.seen = here.seen
    if (kept && kept.saved_at !== here.seen && kept.code !== here.code && kept.code !== one.told) {
      Object.assign(one, { state: 'elsewhere', waiting: here })
      return here
    }
    one.seen = kept?.saved_at ?? null
    write(of, here)
    return here
  }

  function write(of: number, { code, based_on, history }: Written): void {
    const one = entry(of)
    one.waiting = { code, based_on, history }
    localStorage.setItem(key(of), JSON.stringify({ ...one.waiting, seen: one.seen }))
    if (one.state === 'elsewhere') return
    one.state = 'writing'
    later(of, SOON)
  }

  function later(of: number, pause: number): void {
    const one = entry(of)
    window.clearTimeout(one.timer)
    one.timer = window.setTimeout(() => void send(of), pause)
  }

  /** Tell the server what waits, one thing at a time. */
  async function send(of: number): Promise<void> {
    const one = entry(of)
    window.clearTimeout(one.timer)
    while (one.sending) await one.sending
    if (!one.waiting || one.state === 'elsewhere') return
    one.sending = told(of, one, one.waiting)
    await one.sending
    one.sending = null
    if (one.waiting && one.state === 'writing') await send(of)
  }

  async function told(of: number, one: Entry, sent: Written): Promise<void> {
    const before = one.told
    one.told = sent.code
    const { data, error } = await inTime((signal) =>
      api.PUT('/api/strategies/{number}/draft', { params: { path: { number: of } }, body: { ...sent, seen: one.seen }, signal }))
    if (data) {
      one.seen = data.saved_at
      if (one.waiting && one.waiting.code === sent.code && one.waiting.history === sent.history) {
        one.waiting = null
        localStorage.removeItem(key(of))
        one.state = 'kept'
      }
      return
    }
    const { code } = problemOf(error)
    if (code === 'draft_changed') return contest(of, one, before)
    one.state = 'here'
    if (PASSING.has(code)) later(of, AGAIN)
  }

  /** There is another draft at the server: our own, of which we never heard, or one that was written elsewhere. */
  async function contest(of: number, one: Entry, before: string | null): Promise<void> {
    const { data } = await inTime((signal) => api.GET('/api/strategies/{number}', { params: { path: { number: of } }, signal }))
    if (!data) {
      one.state = 'here'
      later(of, AGAIN)
    } else if (!data.draft || data.draft.code === before) one.seen = data.draft?.saved_at ?? null
    else one.state = 'elsewhere'
  }

  /** Let this one take the place of the other, which is told first, so that it is known what goes. */
  function insist(of: number, over: string | null): void {
    const one = entry(of)
    one.seen = over
    one.state = 'writing'
    later(of, 0)
  }

  /** There is no draft here any more: it was saved or thrown away. */
  function drop(of: number): void {
    const one = entry(of)
    window.clearTimeout(one.timer)
    Object.assign(one, { state: 'nothing', seen: null, waiting: null, told: null })
    localStorage.removeItem(key(of))
  }

  /** Wait until nothing is on its way to the server. */
  async function settled(of: number): Promise<void> {
    const one = entry(of)
    window.clearTimeout(one.timer)
    while (one.sending) await one.sending
  }

  return { stateOf, begin, write, send, insist, drop, settled }
})
