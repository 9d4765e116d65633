import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { type SymbolRow, api, inTime } from '../../../api/client'
import { useLayout } from '../../../layout/store'
import { compare } from '../../../words/decimal'

/** The pairs of one account's exchange with their last 24 hours, and which of them are favourites. */
export const useSymbols = defineStore('symbols', () => {
  const layout = useLayout()
  const broker = ref<number | null>(null)
  const pairs = ref<SymbolRow[]>([])
  /** When the exchange told the figures; null when it did not. */
  const at = ref<string | null>(null)
  const state = ref<'loading' | 'told' | 'failed'>('loading')

  async function load(number: number): Promise<void> {
    if (broker.value !== number) {
      pairs.value = []
      state.value = 'loading'
    }
    broker.value = number
    const { data } = await inTime((signal) => api.GET('/api/symbols', { params: { query: { broker: number } }, signal }))
    if (broker.value !== number) return
    state.value = data ? 'told' : 'failed'
    if (!data) return
    // Old figures are better than none, as long as they say how old they are.
    if (data.at === null && at.value !== null && pairs.value.length) return
    pairs.value = data.items
    at.value = data.at
  }

  const favourites = computed(() => new Set(layout.layout.favourites))

  function toggle(symbol: string): void {
    const others = layout.layout.favourites.filter((one) => one !== symbol)
    layout.change({ favourites: favourites.value.has(symbol) ? others : [...others, symbol] })
  }

  /** Favourites first, then what is traded most. */
  const rows = computed(() =>
    [...pairs.value].sort(
      (a, b) =>
        Number(favourites.value.has(b.symbol)) - Number(favourites.value.has(a.symbol)) || compare(b.volume ?? '0', a.volume ?? '0'),
    ),
  )

  return { broker, rows, at, state, favourites, load, toggle }
})
