import { defineStore } from 'pinia'
import { ref } from 'vue'

import { type Approval, api, inTime } from '../../api/client'

/** The entries that wait for their trader's approval, as they would be carried out now: asked for, not pushed. */
export const useApprovals = defineStore('approvals', () => {
  const rows = ref<Approval[]>([])
  const failed = ref(false)

  async function load(): Promise<void> {
    const { data } = await inTime((signal) => api.GET('/api/webhooks/approvals', { signal }))
    failed.value = !data
    if (data) rows.value = data.items
  }

  return { rows, failed, load }
})
