import { type ComputedRef, type Ref, computed, ref, watch } from 'vue'

/**
 * Holds rows back that come while their reader has scrolled away from the top, so that nothing moves under the eyes.
 * The newest row comes first; rows that are loaded from the past follow at the end. `order` changes with everything
 * that orders or narrows the rows otherwise: then nothing is held back.
 */
export function useFresh<Row>(rows: ComputedRef<Row[]>, id: (row: Row) => string, away: Ref<boolean>, order: ComputedRef<string>) {
  const top = ref<string | null>(null)
  watch([away, order], ([is, now], [, before]) => {
    if (now !== before) away.value = false
    top.value = is && now === before && rows.value[0] ? id(rows.value[0]) : null
  })

  /** How many rows are held back. */
  const fresh = computed(() => (top.value === null ? 0 : Math.max(rows.value.findIndex((row) => id(row) === top.value), 0)))
  const shown = computed(() => (fresh.value ? rows.value.slice(fresh.value) : rows.value))
  return { shown, fresh }
}
