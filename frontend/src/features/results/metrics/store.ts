import { defineStore } from 'pinia'
import { ref, watch } from 'vue'

import { type Metrics, api } from '../../../api/client'
import { useGains } from '../../trading/gains/store'

/** The ten metrics, calculated anew by the platform whenever a trade is complete. */
export const useMetrics = defineStore('metrics', () => {
  const gains = useGains()
  const sets = ref<Metrics[]>([])
  const away = ref(false)

  async function load(): Promise<void> {
    const { data, error } = await api.GET('/api/metrics')
    away.value = error !== undefined
    if (data) sets.value = data.items
  }

  watch(() => gains.rows[0]?.id, load)
  return { sets, away, load }
})
