import { defineStore } from 'pinia'
import { computed } from 'vue'

import { type Strategy, api, inTime } from '../../api/client'
import { liveRows } from '../../live/rows'

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

  return { rows, kept, take, open, versions, codeOf }
})
