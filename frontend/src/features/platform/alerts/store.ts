import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { type Alert, type Channel, api, inTime, pageFrom } from '../../../api/client'
import { liveRows } from '../../../live/rows'

/** What a trader has to know, newest first, and where it is sent besides the console. */
export const useAlerts = defineStore('alerts', () => {
  const { rows, take, ...past } = liveRows<Alert>(
    (row) => row.id,
    (row) => row.raised_at,
    {
      page: async (cursor, narrowed) =>
        (await inTime((signal) => api.GET('/api/alerts', { params: { query: pageFrom(cursor, narrowed) }, signal }))).data,
      stays: (row) => !row.acknowledged_at && !row.ended_at,
    },
  )
  /** What is over needs no look any more, unless it was critical: that stays until it is acknowledged. */
  const open = computed(() =>
    rows.value.filter((row) => !row.acknowledged_at && row.severity !== 'info' && (!row.ended_at || row.severity === 'critical')),
  )
  /** What lasts comes before what is over. */
  const critical = computed(() =>
    open.value.filter((row) => row.severity === 'critical').sort((one, other) => Number(!!one.ended_at) - Number(!!other.ended_at)),
  )
  const channels = ref<Channel[]>([])

  /** Returns whether it was carried out. */
  async function acknowledge(alert: string): Promise<boolean> {
    const params = { path: { alert } }
    const { error } = await inTime((signal) => api.PUT('/api/alerts/{alert}/acknowledged', { params, signal }))
    return error === undefined
  }

  /** Returns whether it was carried out. */
  async function acknowledgeAll(): Promise<boolean> {
    const { error } = await inTime((signal) => api.PUT('/api/alerts/acknowledged', { signal }))
    return error === undefined
  }

  async function loadChannels(): Promise<void> {
    const { data } = await api.GET('/api/channels')
    channels.value = data?.items ?? []
  }

  return { rows, take, ...past, open, critical, channels, acknowledge, acknowledgeAll, loadChannels }
})
