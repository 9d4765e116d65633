import { type Ref, computed, ref } from 'vue'

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
  page?: (cursor: string | null) => Promise<Page<Row> | undefined>
  /** What is never dropped, however many newer rows come. */
  stays?: (row: Row) => boolean
}

/** Rows of one read model, newest first: a snapshot replaces them, changes update or add by key. */
export function liveRows<Row>(key: (row: Row) => string, age: (row: Row) => string, { page, stays }: Choices<Row> = {}) {
  const rows: Ref<Row[]> = ref([]) as Ref<Row[]>
  const next = ref<string | null>(null)
  const begun = ref(false)
  const loading = ref(false)
  /** The last page of the past did not come. */
  const failed = ref(false)
  /** Counts the snapshots: a page that was asked for before one does not fit what came with it. */
  let snapshots = 0

  const more = computed(() => page !== undefined && (begun.value ? next.value !== null : rows.value.length >= SNAPSHOT))

  function merge(items: Row[]): void {
    const kept = new Map(rows.value.map((row) => [key(row), row]))
    for (const item of items) kept.set(key(item), item)
    const sorted = [...kept.values()].sort((a, b) => age(b).localeCompare(age(a)))
    // What was loaded from the past is not dropped again: it would leave a gap that nobody sees.
    rows.value = begun.value ? sorted : sorted.filter((row, place) => place < MOST || stays?.(row))
  }

  /** After a break there may be a gap before what was loaded from the past: that begins anew. */
  function take(message: Message): void {
    const items = message.items as Row[]
    if (message.kind === 'changes') return merge(items)
    rows.value = items
    next.value = null
    begun.value = false
    snapshots += 1
  }

  /** Load from the past until something new is shown, or nothing older is left. */
  async function older(): Promise<void> {
    if (!page || loading.value) return
    loading.value = true
    failed.value = false
    const [before, asked] = [rows.value.length, snapshots]
    do {
      const found = await page(next.value)
      if (asked !== snapshots) break
      failed.value = found === undefined
      if (!found) break
      begun.value = true
      next.value = found.next ?? null
      merge(found.items)
    } while (rows.value.length === before && next.value !== null)
    loading.value = false
  }

  return { rows, take, older, more, loading, failed }
}
