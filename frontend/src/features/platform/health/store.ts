import { defineStore } from 'pinia'
import { ref } from 'vue'

import { type Health, api } from '../../../api/client'
import type { Message } from '../../../live/socket'

/** How each part of the platform is. */
export const useHealth = defineStore('health', () => {
  const health = ref<Health | null>(null)

  function take(message: Message): void {
    health.value = (message.items[0] as Health | undefined) ?? null
  }

  async function switchTrading(stop: boolean): Promise<void> {
    if (stop) await api.POST('/api/trading/stop')
    else await api.POST('/api/trading/resume')
  }

  return { health, take, switchTrading }
})
