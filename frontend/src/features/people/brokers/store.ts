import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { type Broker, type Exchange, type Step, api, inTime, stream } from '../../../api/client'
import { liveRows } from '../../../live/rows'

export interface Keys {
  key: string
  secret: string
  passphrase: string | null
}

/** Accounts on exchanges; removed ones stay known, because the history names them. */
export const useBrokers = defineStore('brokers', () => {
  const { rows: all, take } = liveRows<Broker>(
    (row) => String(row.number),
    (row) => `${row.is_default ? 1 : 0}${String(100_000 - row.number).padStart(6, '0')}`,
  )
  const rows = computed(() => all.value.filter((row) => !row.removed))
  const current = computed(() => rows.value.find((row) => row.is_default) ?? rows.value[0])
  const exchanges = ref<Exchange[]>([])

  /** A broker's own name, removed ones included; its number while nothing is known of it. */
  function nameOf(number: number): string {
    return all.value.find((row) => row.number === number)?.name ?? `n° ${number}`
  }

  async function loadExchanges() {
    const answer = await api.GET('/api/exchanges')
    exchanges.value = answer.data?.items ?? exchanges.value
    return answer
  }

  /** Returns whether it was carried out. */
  async function switchTrading(number: number, stop: boolean): Promise<boolean> {
    const params = { path: { number } }
    const { error } = await inTime((signal) =>
      stop
        ? api.POST('/api/brokers/{number}/stop', { params, signal })
        : api.POST('/api/brokers/{number}/resume', { params, signal }),
    )
    return error === undefined
  }

  /** Try keys before they are kept, or those of a broker; each step is handed on as it begins. */
  async function test(of: number | { exchange: string; venue: string; keys: Keys }, take: (step: Step) => void) {
    return typeof of === 'number'
      ? stream<Step>(`/api/brokers/${of}/test`, {}, take)
      : stream<Step>('/api/brokers/test', of, take)
  }

  return { rows, current, exchanges, take, nameOf, loadExchanges, switchTrading, test }
})
