import { computed, ref, shallowRef } from 'vue'

import type { Narrowed } from '../parts/table/columns'
import type { Message } from './socket'

/** As many rows are kept as come live, besides those that were loaded from the past. */
const MOST = 200
/** A snapshot with fewer rows holds everything there is. */
const SNAPSHOT = 50

interface Page<Row> {
  items: Row[]
  next?: string | null
}

interface Choices<Row> {
  /** Asks the server for a page of the past, the newest one first. */
  page?: (cursor: string | null, narrowed: Narrowed) => Promise<Page<Row> | undefined>
  /** What is never dropped, however many newer rows come. */
  stays?: (row: Row) => boolean
}

/** Ages compare by their code units: they are times in ISO 8601, and this is much faster than a language's own order. */
const newestFirst = (a: string, b: string): number => (a < b ? 1 : a > b ? -1 : 0)

/** Rows of one read model, newest first: a snapshot replaces them, changes update or add by key. */
export function liveRows<Row>(key: (row: Row) => string, age: (row: Row) => string, { page, stays }: Choices<Row> = {}) {
  const rows = shallowRef<Row[]>([])
  const next = ref<string | null>(null)
  const begun = ref(false)
  const loading = ref(false)
  /** The last page of the past did not come. */
  const failed = ref(false)
  const narrowed = ref<Narrowed>({})
  /** The age down to which everything was loaded that fits; null before the first page. */
  const reached = ref<string | null>(null)
  /** Counts the beginnings: a page that was asked for before one does not fit what came with it. */
  let beginnings = 0

  const more = computed(() => page !== undefined && (begun.value ? next.value !== null : rows.value.length >= SNAPSHOT))
  /** The age down to which the last snapshot reached. */
  const since = ref('')
  /** What came live, without what was loaded from the past. */
  const recent = computed(() => rows.value.filter((row) => age(row) >= since.value || stays?.(row)))
  /** The rows without those behind a gap: what lies between them and the others is not loaded yet. */
  const listed = computed(() => {
    const down = more.value ? reached.value : null
    return down === null ? rows.value : rows.value.filter((row) => age(row) >= down)
  })

  function merge(items: Row[]): void {
    const kept = new Map(rows.value.map((row) => [key(row), row]))
    for (const item of items) kept.set(key(item), item)
    const sorted = [...kept.values()].sort((a, b) => newestFirst(age(a), age(b)))
    // What was loaded from the past is not dropped again: it would leave a gap that nobody sees.
    rows.value = begun.value ? sorted : sorted.filter((row, place) => place < MOST || stays?.(row))
  }

  /** After a break there may be a gap before what was loaded from the past: that begins anew. */
  function take(message: Message): void {
    const items = message.items as Row[]
    if (message.kind === 'changes') return merge(items)
    rows.value = items
    since.value = items.length ? age(items.at(-1) as Row) : ''
    begin()
  }

  /** Forget what was loaded, rows of a former filter too; a narrowed list asks for its newest page at once. */
  function begin(): void {
    rows.value = recent.value
    next.value = null
    reached.value = null
    begun.value = false
    loading.value = false
    beginnings += 1
    if (Object.values(narrowed.value).some(Boolean)) void older()
  }

  /** Narrow the list: its pages are asked for anew. */
  function narrow(to: Narrowed): void {
    if (JSON.stringify(to) === JSON.stringify(narrowed.value)) return
    narrowed.value = to
    begin()
  }

  let underWay: Promise<void> | null = null

  /** Load from the past until something new is shown, or nothing older is left. Who asks meanwhile waits for the same. */
  function older(): Promise<void> {
    if (!loading.value || !underWay) underWay = load()
    return underWay
  }

  async function load(): Promise<void> {
    if (!page) return
    loading.value = true
    failed.value = false
    const [before, asked] = [listed.value.length, beginnings]
    do {
      const found = await page(next.value, narrowed.value)
      if (asked !== beginnings) return
      failed.value = found === undefined
      if (!found) break
      begun.value = true
      next.value = found.next ?? null
      merge(found.items)
      const last = found.items.at(-1)
      if (last) reached.value = age(last)
    } while (listed.value.length === before && next.value !== null)
    loading.value = false
  }

  return { rows, recent, listed, take, older, more, loading, failed, narrowed, narrow }
}
