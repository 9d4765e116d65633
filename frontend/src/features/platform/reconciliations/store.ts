import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { type Reconciliation, api } from '../../../api/client'
import { liveRows } from '../../../live/rows'
import type { Message } from '../../../live/socket'

/** Comparisons with the exchanges, newest first: those that come live, and older ones page by page. */
export const useReconciliations = defineStore('reconciliations', () => {
  const live = liveRows<Reconciliation>(
    (row) => row.id,
    (row) => row.started_at,
  )
  const pages = ref<Reconciliation[]>([])
  const next = ref<string | null>(null)
  const differing = ref(false)

  const all = computed(() => {
    const known = new Map([...pages.value, ...live.rows.value].map((row) => [row.id, row]))
    return [...known.values()].sort((a, b) => b.started_at.localeCompare(a.started_at))
  })
  const rows = computed(() => all.value.filter((row) => !differing.value || row.discrepancies.length))

  async function page(cursor?: string): Promise<void> {
    const of = differing.value
    const { data } = await api.GET('/api/reconciliations', { params: { query: { differing: of, ...(cursor ? { cursor } : {}) } } })
    if (!data || of !== differing.value) return
    pages.value = cursor ? [...pages.value, ...data.items] : data.items
    next.value = data.next
  }

  /** The newest page of what is to be shown. */
  async function begin(only: boolean): Promise<void> {
    differing.value = only
    await page()
  }

  async function older(): Promise<void> {
    if (next.value) await page(next.value)
  }

  /** After a break there may be a gap between what comes live and the pages: they begin anew. */
  function take(message: Message): void {
    live.take(message)
    if (message.kind === 'snapshot' && pages.value.length) void page()
  }

  /** The newest comparison of a broker's whole account that was recorded, and went to its end. */
  function lastComplete(broker: number): Reconciliation | undefined {
    return all.value.find((row) => row.broker_id === broker && row.state === 'completed' && row.occasion !== 'poll')
  }

  function compare(number: number) {
    return api.POST('/api/brokers/{number}/reconcile', { params: { path: { number } } })
  }

  return { rows, next, differing, take, begin, older, lastComplete, compare }
})
