import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import type { Trade } from '../../../api/client'
import { useNow } from '../../../parts/now'
import { useTrades } from '../trades/store'

const DAY = 24 * 3600 * 1000

/** The orders that a person may have to decide about, and the one that is being decided: asked for from any page. */
export const useDecisions = defineStore('decisions', () => {
  const orders = useTrades()
  const now = useNow()
  const resolving = ref<Trade | null>(null)
  const selling = ref<Trade | null>(null)
  /** The new order of each exit that was sent from here: its line stays until what became of it was seen. */
  const sent = ref<Record<string, string>>({})

  const unknown = computed(() => orders.rows.filter((row) => row.state === 'unknown'))
  const late = computed(() => orders.rows.filter((row) => row.id in sent.value || isLate(row)))

  /** Whether it is an exit of the last day that was not sent, and that its owner may still want. */
  function isLate(row: Trade): boolean {
    return row.may_be_sent_again && now.value - Date.parse(row.created_at) < DAY
  }

  function dismiss(row: Trade): void {
    sent.value = Object.fromEntries(Object.entries(sent.value).filter(([late]) => late !== row.id))
  }

  return { resolving, selling, sent, unknown, late, isLate, dismiss }
})
