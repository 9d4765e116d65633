import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { type Panic, api, inTime, problemOf } from '../../../api/client'
import { useHealth } from '../../platform/health/store'

/** How often what it does is asked for while it is in force or about to begin. */
const EVERY = 1000

/** The panic: what it would do, what it does, and its beginning and end. */
export const usePanic = defineStore('panic', () => {
  const health = useHealth()
  const shown = ref(false)
  const panic = ref<Panic | null>(null)
  /** Nothing is known of what it does: the server or its database does not answer. */
  const unseen = ref(false)
  /** It is asked for, but the database does not know it yet: the gateway halts, and nothing is sold. */
  const unrecorded = ref(false)
  const busy = ref(false)
  /** The code of why its beginning or end is not confirmed. */
  const failure = ref<string | null>(null)
  /** One for each panic: an answer that was lost makes no second one. */
  let request: string = crypto.randomUUID()
  let timer = 0

  const inForce = computed(() => unrecorded.value || (health.health?.in_panic ?? false) || !!panic.value?.panic)

  async function look(): Promise<void> {
    const { data } = await inTime((signal) => api.GET('/api/trading/panic', { signal }))
    unseen.value = data === undefined
    if (data === undefined) return
    panic.value = data
    if (data.panic) unrecorded.value = false
  }

  /** Looks again and again while somebody looks. */
  async function follow(): Promise<void> {
    window.clearTimeout(timer)
    await look()
    if (shown.value || inForce.value) timer = window.setTimeout(() => void follow(), EVERY)
  }

  async function begin(word: 'PANIC' | 'PANIQUE'): Promise<void> {
    await attempt(async (signal) => {
      const { data, error } = await api.POST('/api/trading/panic', { body: { word, request }, signal })
      if (error !== undefined) throw error
      unrecorded.value = !data.recorded
      health.switched(true, data.recorded)
    })
  }

  async function lift(): Promise<void> {
    await attempt(async (signal) => {
      const { error } = await api.POST('/api/trading/panic/lift', { signal })
      if (error !== undefined) throw error
      request = crypto.randomUUID()
      if (health.health) health.health = { ...health.health, in_panic: false, panic_at: null }
    })
  }

  async function attempt(act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (busy.value) return
    busy.value = true
    failure.value = null
    try {
      await act(AbortSignal.timeout(10_000))
    } catch (error) {
      failure.value = problemOf(error).code
    } finally {
      busy.value = false
      void follow()
    }
  }

  return { shown, panic, unseen, unrecorded, busy, failure, inForce, follow, begin, lift }
})
