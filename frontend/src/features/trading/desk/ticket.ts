import { computed, onUnmounted, ref, watch } from 'vue'

import { type Ticket, api, inTime } from '../../../api/client'
import { useNow } from '../../../parts/now'
import { useProblem } from '../../../parts/problem'
import { EMPTY, type Typed, requestOf } from './typed'

const PAUSE = 250

/** A ticket as it is typed: shown as the server computes it, validated on request, and executed once while that holds. */
export function useTicket(broker: () => number | null, symbol: () => string) {
  const typed = ref<Typed>({ ...EMPTY })
  const shown = ref<Ticket | null>(null)
  const validated = ref<Ticket | null>(null)
  /** The order that the last ticket has become. */
  const order = ref<string | null>(null)
  const { problem, busy, words, at, elsewhere, attempt } = useProblem()
  const now = useNow()
  const left = computed(() => (validated.value ? Math.max(0, Math.ceil((Date.parse(validated.value.expires_at) - now.value) / 1000)) : 0))
  const request = computed(() => (broker() === null ? null : requestOf(broker() as number, symbol(), typed.value)))

  async function ask(): Promise<Ticket | null> {
    const body = request.value
    if (!body) return null
    const { data } = await attempt(() => inTime((signal) => api.POST('/api/tickets', { body, signal })))
    // What was typed meanwhile is asked about by itself.
    if (JSON.stringify(body) === JSON.stringify(request.value)) shown.value = data ?? null
    return data ?? null
  }

  let waiting = 0

  /** Show what is typed now comes to, once nothing else is asked. */
  function preview(): void {
    if (busy.value) waiting = window.setTimeout(preview, PAUSE)
    else void ask()
  }

  watch(request, (wanted, before) => {
    if (JSON.stringify(wanted) === JSON.stringify(before)) return
    window.clearTimeout(waiting)
    validated.value = null
    problem.value = null
    if (wanted === null) shown.value = null
    else waiting = window.setTimeout(preview, PAUSE)
  })
  onUnmounted(() => window.clearTimeout(waiting))

  async function validate(): Promise<void> {
    window.clearTimeout(waiting)
    const body = JSON.stringify(request.value)
    const told = await ask()
    validated.value = body === JSON.stringify(request.value) ? told : null
  }

  /** Execute what was validated. Without an answer it can be asked again: the same ticket is never sent twice. */
  async function execute(): Promise<boolean> {
    const ticket = validated.value
    if (!ticket) return false
    const { data } = await attempt(() => inTime((signal) => api.POST('/api/tickets/{ticket}/execute', { params: { path: { ticket: ticket.id } }, signal })))
    if (!data) return false
    order.value = data.order
    validated.value = null
    return true
  }

  return { typed, shown, validated, left, order, busy, problem, words, at, elsewhere, validate, execute }
}
