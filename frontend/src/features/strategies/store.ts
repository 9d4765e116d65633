import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { type Strategy, type TaFunction, api, inTime } from '../../api/client'
import { liveRows } from '../../live/rows'

/** The histories that a strategy may have, in bars, shortest first. */
export const HISTORIES = [200, 500, 1000, 2000]

/** The strategies of the trader, those changed last first. */
export const useStrategies = defineStore('strategies', () => {
  const { rows, take } = liveRows<Strategy>(
    (row) => String(row.number),
    (row) => row.changed_at,
    { stays: () => true },
  )
  const kept = computed(() => rows.value.filter((row) => !row.deleted))

  const path = (number: number) => ({ path: { number } })
  const open = async (number: number) => (await inTime((signal) => api.GET('/api/strategies/{number}', { params: path(number), signal }))).data
  const versions = async (number: number) => (await inTime((signal) => api.GET('/api/strategies/{number}/versions', { params: path(number), signal }))).data?.items
  const codeOf = async (number: number, version: number) =>
    (await inTime((signal) => api.GET('/api/strategies/{number}/versions/{version}', { params: { path: { number, version } }, signal }))).data

  /** What a strategy can call as `ta.NAME`: asked for once, since it changes with the server's version alone. */
  const functions = ref<TaFunction[]>([])
  async function learn(): Promise<void> {
    if (!functions.value.length) functions.value = (await inTime((signal) => api.GET('/api/strategies/functions', { signal }))).data?.items ?? []
  }

  return { rows, kept, take, open, versions, codeOf, functions, learn }
})
