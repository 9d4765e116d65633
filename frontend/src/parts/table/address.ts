import { type Ref, type WritableComputedRef, onUnmounted, watch } from 'vue'
import { type LocationQueryRaw, useRoute, useRouter } from 'vue-router'

import type { Narrowed, Sort } from './columns'

/** Keeps what a table is narrowed to and sorted by in the address, as `orders.side=buy` and `orders.sort=-price`. */
export function useAddress(name: string, narrowed: WritableComputedRef<Narrowed>, sort: Ref<Sort | null>, isKnown: (key: string, value: string) => boolean): void {
  const route = useRoute()
  const router = useRouter()
  const prefix = `${name}.`

  function read(): void {
    const found = Object.entries(route.query).filter(([key, value]) => key.startsWith(prefix) && typeof value === 'string')
    const { sort: by = '', ...rest } = Object.fromEntries(found.map(([key, value]) => [key.slice(prefix.length), value as string]))
    narrowed.value = Object.fromEntries(Object.entries(rest).filter(([key, value]) => isKnown(key, value)))
    const key = by.replace(/^-/, '')
    sort.value = isKnown('sort', key) ? { key, down: by.startsWith('-') } : null
  }

  function write(): void {
    const query: LocationQueryRaw = Object.fromEntries(Object.entries(route.query).filter(([key]) => !key.startsWith(prefix)))
    for (const [key, value] of Object.entries(narrowed.value)) if (value) query[prefix + key] = value
    if (sort.value) query[`${prefix}sort`] = (sort.value.down ? '-' : '') + sort.value.key
    if (JSON.stringify(query) !== JSON.stringify(route.query)) void router.replace({ query })
  }

  const page = route.name
  read()
  write()
  // Who comes back finds what the address says, and no other list is narrowed meanwhile.
  onUnmounted(() => (narrowed.value = {}))
  watch([narrowed, sort], write, { deep: true })
  // Back and forward change the address; another page's address says nothing about this table.
  watch(() => route.query, () => route.name === page && read())
}
