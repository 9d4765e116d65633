import { computed, onUnmounted, ref, watch } from 'vue'

import { type Ticket, api, inTime } from '../../../api/client'
import { useNow } from '../../../parts/now'
import { useProblem } from '../../../parts/problem'
import { EMPTY, type Typed, requestOf } from './typed'

const PAUSE = 250
const ASKED_AGAIN = 1000
/** Answers that say nothing about the order: none, or one of a server whose database did not answer. */
const SILENT = new Set(['unreachable', 'database_away', 'internal_error', 'http_error'])

/** A ticket as it is typed: shown as the server computes it, validated on request, and executed once while that holds. */
export function useTicket(broker: () => number | null, symbol: () => string) {
  const typed = ref<Typed>({ ...EMPTY })
  const shown = ref<Ticket | null>(null)
  const validated = ref<Ticket | null>(null)
  /** True while it is not known whether the last ticket became an order: its answer was lost. */
  const unsure = ref(false)
  /** The order that the last ticket has become. */
  const order = ref<string | null>(null)
  const { problem, busy, at, elsewhere, attempt } = useProblem()
  const now = useNow()
  const left = computed(() => (validated.value ? Math.max(0, Math.ceil((Date.parse(validated.value.expires_at) - now.value) / 1000)) : 0))
  const request = computed(() => (broker() === null ? null : requestOf(broker() as number, symbol(), typed.value)))

  /** Each question has a number: an answer that another question has overtaken shows nothing. */
  let asked = 0
  let waiting = 0

  async function ask(): Promise<Ticket | null> {
    const body = request.value
    if (!body) return null
    const mine = ++asked
    const { data } = await attempt(() => inTime((signal) => api.POST('/api/tickets', { body, signal })))
    if (mine === asked && JSON.stringify(body) === JSON.stringify(request.value)) shown.value = data ?? null
    return data ?? null
  }

  const pause = (milliseconds: number): Promise<void> => new Promise((then) => window.setTimeout(then, milliseconds))

  /** One question at a time: the one under way ends first. */
  async function idle(): Promise<void> {
    while (busy.value) await pause(50)
  }

  /** Show what is typed now comes to, once nothing else is asked. */
  function preview(): void {
    if (busy.value) waiting = window.setTimeout(preview, PAUSE)
    else void ask()
  }

  watch(request, (wanted, before) => {
    if (JSON.stringify(wanted) === JSON.stringify(before)) return
    window.clearTimeout(waiting)
    validated.value = null
    if (unsure.value) return
    problem.value = null
    if (wanted === null) shown.value = null
    else waiting = window.setTimeout(preview, PAUSE)
  })
  onUnmounted(() => window.clearTimeout(waiting))

  async function validate(): Promise<void> {
    if (unsure.value) return
    window.clearTimeout(waiting)
    await idle()
    const body = JSON.stringify(request.value)
    const told = await ask()
    window.clearTimeout(waiting)
    validated.value = body === JSON.stringify(request.value) ? told : null
  }

  /**
   * Execute what was validated. Without an answer the same ticket is asked about again until there is one: it makes one
   * order at most, and nothing else can be validated before it is known whether it did.
   */
  async function execute(): Promise<boolean> {
    const ticket = validated.value
    if (!ticket || unsure.value) return false
    for (;;) {
      await idle()
      const { data } = await attempt(() => inTime((signal) => api.POST('/api/tickets/{ticket}/execute', { params: { path: { ticket: ticket.id } }, signal })))
      if (data) {
        order.value = data.order
        break
      }
      if (!SILENT.has(problem.value?.code ?? 'unreachable')) break
      unsure.value = true
      await pause(ASKED_AGAIN)
    }
    unsure.value = false
    validated.value = null
    return problem.value === null
  }

  return { typed, shown, validated, left, order, unsure, busy, at, elsewhere, validate, execute }
}
