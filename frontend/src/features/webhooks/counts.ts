import { defineStore } from 'pinia'
import { ref } from 'vue'

import { type WebhookCounts, type WebhookPosition, api, inTime } from '../../api/client'

/** What was counted since the beginning, and the open trades of webhooks with their orders: asked for, not pushed. */
export const useWebhookCounts = defineStore('webhook counts', () => {
  const counts = ref<WebhookCounts | null>(null)
  const positions = ref<WebhookPosition[] | null>(null)
  const failed = ref(false)
  const loading = ref(false)

  async function load(): Promise<void> {
    loading.value = true
    const [counted, open] = await Promise.all([
      inTime((signal) => api.GET('/api/webhooks/stats', { signal })),
      inTime((signal) => api.GET('/api/webhooks/positions', { signal })),
    ])
    loading.value = false
    failed.value = !counted.data || !open.data
    if (counted.data) counts.value = counted.data
    if (open.data) positions.value = open.data.items
  }

  return { counts, positions, failed, loading, load }
})
