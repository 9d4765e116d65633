import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { type Health, api, problemOf } from '../../../api/client'
import type { Message } from '../../../live/socket'
import { serverNow, setClock } from '../../../parts/now'

/** Longer than the server waits for the database and then for the gateway. */
const ANSWER_WITHIN = 8000
/** As long as data may say that a halt is not there which the gateway has taken, before it counts as gone. */
const GONE_AFTER = 10_000
/** A lag that lasts is told. */
const LATE_AFTER = 8000

/** How each part of the platform is, and the halt of all automatic trading. */
export const useHealth = defineStore('health', () => {
  const health = ref<Health | null>(null)
  /** A halt or its end is on its way. */
  const switching = ref(false)
  /** The code of why the last halt or its end is not confirmed. */
  const failure = ref<{ stop: boolean; code: string } | null>(null)
  /** The gateway halts already, but the database does not know it yet. */
  const unrecorded = ref(false)
  /** Since when what is shown lags behind the log, in milliseconds; null while it does not. */
  const lateSince = ref<number | null>(null)
  /** All automatic trading is halted, whether the log knows it yet or not. */
  const halted = computed(() => unrecorded.value || (health.value?.trading_stopped ?? false))
  let goneSince: number | null = null

  function take(message: Message): void {
    health.value = (message.items[0] as Health | undefined) ?? null
    if (!health.value) return
    setClock(health.value.at)
    const stopped = health.value.trading_stopped
    if (failure.value?.stop === stopped) failure.value = null
    lateSince.value = health.value.lag > 0 ? (lateSince.value ?? serverNow()) : null
    if (!unrecorded.value || stopped) {
      unrecorded.value = false
      goneSince = null
      return
    }
    goneSince ??= serverNow()
    if (serverNow() - goneSince < GONE_AFTER) return
    // Somebody has resumed in the meantime, or the halt was lost with the processes that held it.
    unrecorded.value = false
    failure.value = { stop: true, code: 'halt_gone' }
  }

  function isLate(now: number): boolean {
    return lateSince.value !== null && now - lateSince.value > LATE_AFTER
  }

  /** Returns whether it was carried out; why it is not certain stands in `failure`. */
  async function switchTrading(stop: boolean): Promise<boolean> {
    switching.value = true
    failure.value = null
    try {
      const signal = AbortSignal.timeout(ANSWER_WITHIN)
      const { data, error } = stop
        ? await api.POST('/api/trading/stop', { signal })
        : await api.POST('/api/trading/resume', { signal })
      if (error !== undefined) throw error
      switched(stop, !stop || data?.recorded !== false)
      return true
    } catch (error) {
      failure.value = { stop, code: problemOf(error).code }
      return false
    } finally {
      switching.value = false
    }
  }

  /** Takes an answer as the state: the next message only confirms it. */
  function switched(stop: boolean, recorded: boolean): void {
    unrecorded.value = stop && !recorded
    goneSince = null
    if (health.value && recorded) health.value = { ...health.value, trading_stopped: stop, trading_stopped_at: null }
  }

  return { health, switching, failure, unrecorded, halted, take, isLate, switchTrading, switched }
})
