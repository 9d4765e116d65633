import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { api } from '../../api/client'
import { useDrafts } from './draft'

vi.hoisted(() => vi.stubGlobal('sessionStorage', { getItem: () => null }))
vi.mock('../people/session/store', () => ({ useSession: () => ({ current: { user: 1 } }) }))

const kept = new Map<string, string>()
const PATH = '/api/strategies/{number}/draft'
/** The server's one draft, and whether it answers. */
const server = { code: null as string | null, at: 0, away: false, log: [] as string[] }
const time = (): string | null => (server.code === null ? null : `at ${server.at}`)

beforeEach(() => {
  vi.useFakeTimers()
  kept.clear()
  Object.assign(server, { code: null, at: 0, away: false, log: [] })
  const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value), removeItem: (key: string) => kept.delete(key) }
  vi.stubGlobal('localStorage', storage)
  vi.stubGlobal('window', { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout })
  setActivePinia(createPinia())
  vi.spyOn(api, 'PUT').mockImplementation((async (path: string, { body }: { body: { code: string; seen: string | null } }) => {
    expect(path).toBe(PATH)
    if (server.away) throw new TypeError('network')
    if (server.code !== null && body.seen !== time() && body.code !== server.code) return { error: { code: 'draft_changed' } }
    Object.assign(server, { code: body.code, at: server.at + 1 })
    server.log.push(body.code)
    return { data: { saved_at: time() } }
  }) as never)
  vi.spyOn(api, 'GET').mockImplementation((async () => ({ data: { draft: server.code === null ? null : { code: server.code, saved_at: time() } } })) as never)
})
afterEach(() => vi.useRealTimers())

const written = (code: string) => ({ code, based_on: 1, history: 1000 })

describe('a draft', () => {
  it('goes to the server soon, and leaves this browser once it is there', async () => {
    const drafts = useDrafts()
    drafts.begin(1, null)
    drafts.write(1, written('a'))
    drafts.write(1, written('ab'))
    expect(kept.size).toBe(1)
    await vi.advanceTimersByTimeAsync(1000)
    expect([server.log, drafts.stateOf(1), kept.size]).toEqual([['ab'], 'kept', 0])
  })

  it('stays here while the server is away, and nothing older is told after it', async () => {
    const drafts = useDrafts()
    drafts.begin(1, null)
    server.away = true
    drafts.write(1, written('a'))
    await vi.advanceTimersByTimeAsync(1000)
    expect(drafts.stateOf(1)).toBe('here')
    expect(drafts.begin(1, null)).toMatchObject({ code: 'a' })
    drafts.write(1, written('a and more'))
    server.away = false
    await vi.advanceTimersByTimeAsync(20_000)
    expect([server.log, server.code, kept.size]).toEqual([['a and more'], 'a and more', 0])
  })

  it('takes no other one away that was written elsewhere, unless its author insists', async () => {
    const drafts = useDrafts()
    drafts.begin(1, null)
    drafts.write(1, written('mine'))
    Object.assign(server, { code: 'theirs', at: 7 })
    await vi.advanceTimersByTimeAsync(1000)
    expect([drafts.stateOf(1), server.code]).toEqual(['elsewhere', 'theirs'])
    drafts.write(1, written('mine and more'))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(server.code).toBe('theirs')
    drafts.insist(1, 'at 7')
    await vi.advanceTimersByTimeAsync(100)
    expect([drafts.stateOf(1), server.code]).toEqual(['kept', 'mine and more'])
  })

  it('of this browser is shown beside a newer one of the server', () => {
    kept.set('aristobot.draft.1.1', JSON.stringify({ ...written('old'), seen: 'at 1' }))
    const drafts = useDrafts()
    expect(drafts.begin(1, { ...written('new'), saved_at: 'at 5' })).toMatchObject({ code: 'old' })
    expect(drafts.stateOf(1)).toBe('elsewhere')
  })

  it('is our own although the answer was lost', async () => {
    const drafts = useDrafts()
    drafts.begin(1, null)
    drafts.write(1, written('a'))
    const put = vi.mocked(api.PUT)
    const answered = put.getMockImplementation()
    put.mockImplementationOnce((async (...given: unknown[]) => {
      await (answered as (...all: unknown[]) => unknown)(...given)
      throw new TypeError('lost')
    }) as never)
    await vi.advanceTimersByTimeAsync(1000)
    drafts.write(1, written('ab'))
    await vi.advanceTimersByTimeAsync(20_000)
    expect([server.code, drafts.stateOf(1)]).toEqual(['ab', 'kept'])
  })

  it('that was saved is told to nobody any more', async () => {
    const drafts = useDrafts()
    drafts.begin(1, null)
    server.away = true
    drafts.write(1, written('a'))
    await vi.advanceTimersByTimeAsync(1000)
    drafts.drop(1)
    server.away = false
    await vi.advanceTimersByTimeAsync(20_000)
    expect([server.log, drafts.stateOf(1)]).toEqual([[], 'nothing'])
  })
})
