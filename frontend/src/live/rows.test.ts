import { expect, it } from 'vitest'

import { liveRows } from './rows'

interface Row { id: string; at: string; open?: boolean }
const row = (n: number): Row => ({ id: String(n), at: String(n).padStart(6, '0') })
const range = (from: number, to: number) => Array.from({ length: from - to }, (_, i) => row(from - i))
const message = (kind: 'snapshot' | 'changes', items: Row[]) => ({ topic: 'x', kind, sequence: 1, items })

it('drops what is old once there is too much, but nothing that is still open', () => {
  const live = liveRows<Row>((one) => one.id, (one) => one.at, { stays: (one) => one.open === true })
  live.take(message('snapshot', [{ ...row(1), open: true }]))
  live.take(message('changes', range(500, 100)))
  expect(live.rows.value.length).toBe(201)
  expect(live.rows.value.at(-1)?.id).toBe('1')
})

it('goes on into the past page by page, and says when there is no more', async () => {
  const page = async (cursor: string | null) => {
    const from = cursor === null ? 100 : Number(cursor)
    return { items: range(from, from - 50), next: from > 50 ? String(from - 50) : null }
  }
  const live = liveRows<Row>((one) => one.id, (one) => one.at, { page })
  live.take(message('snapshot', range(100, 50)))
  expect(live.more.value).toBe(true)
  await live.older()
  expect(live.rows.value.length).toBe(100)
  expect(live.more.value).toBe(false)
})

it('keeps what was loaded while new rows come', async () => {
  const live = liveRows<Row>((one) => one.id, (one) => one.at, { page: async () => ({ items: range(300, 50), next: null }) })
  live.take(message('snapshot', range(300, 250)))
  await live.older()
  live.take(message('changes', [row(301)]))
  expect(live.rows.value.length).toBe(251)
})

it('leaves no gap in what was loaded, however much comes afterwards', async () => {
  const live = liveRows<Row>((one) => one.id, (one) => one.at, { page: async () => ({ items: range(300, 0), next: null }) })
  live.take(message('snapshot', range(300, 250)))
  await live.older()
  live.take(message('changes', range(800, 300)))
  expect(live.rows.value.map((one) => one.id)).toEqual(range(800, 0).map((one) => one.id))
})

it('throws a page away that was asked for before a snapshot', async () => {
  let answer: (page: { items: Row[]; next: null }) => void = () => undefined
  const live = liveRows<Row>((one) => one.id, (one) => one.at, { page: () => new Promise((done) => (answer = done)) })
  live.take(message('snapshot', range(100, 50)))
  const asked = live.older()
  live.take(message('snapshot', range(400, 350)))
  answer({ items: range(50, 0), next: null })
  await asked
  expect(live.rows.value.length).toBe(50)
  expect([live.more.value, live.loading.value]).toEqual([true, false])
})

it('says that a page did not come, and can be asked again', async () => {
  let away = true
  const live = liveRows<Row>((one) => one.id, (one) => one.at, {
    page: async () => (away ? undefined : { items: range(60, 0), next: null }),
  })
  live.take(message('snapshot', range(60, 10)))
  await live.older()
  expect([live.failed.value, live.more.value, live.rows.value.length]).toEqual([true, true, 50])
  away = false
  await live.older()
  expect([live.failed.value, live.more.value, live.rows.value.length]).toEqual([false, false, 60])
})

it('keeps no rows of a former filter: what lies between them and the newest is not there', async () => {
  const old = [row(3), row(2)]
  const page = async (_: string | null, narrowed: Record<string, string>) => ({ items: narrowed.text ? old : [], next: null })
  const live = liveRows<Row>((one) => one.id, (one) => one.at, { page })
  live.take(message('snapshot', range(100, 50)))
  live.narrow({ text: 'sol' })
  await live.older()
  expect(live.rows.value.map((one) => one.id)).toContain('3')
  live.narrow({})
  expect(live.listed.value.length).toBe(50)
})
