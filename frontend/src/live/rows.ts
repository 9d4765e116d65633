import { type Ref, ref } from 'vue'

import type { Message } from './socket'

const MOST = 200

/** Rows of one read model, newest first: a snapshot replaces them, changes update or add by key. */
export function liveRows<Row>(key: (row: Row) => string, age: (row: Row) => string) {
  const rows: Ref<Row[]> = ref([]) as Ref<Row[]>

  function take(message: Message): void {
    const items = message.items as Row[]
    if (message.kind === 'snapshot') {
      rows.value = items
      return
    }
    const kept = new Map(rows.value.map((row) => [key(row), row]))
    for (const item of items) kept.set(key(item), item)
    rows.value = [...kept.values()].sort((a, b) => age(b).localeCompare(age(a))).slice(0, MOST)
  }

  return { rows, take }
}
