import { defineStore } from 'pinia'
import { ref } from 'vue'

import { type Chapter, api, inTime } from '../../../api/client'

/** The story of one webhook, order, position or reconciliation, shown in the drawer while its address asks for it. */
export const useStory = defineStore('story', () => {
  const asked = ref<string | null>(null)
  const chapters = ref<Chapter[]>([])
  const state = ref<'loading' | 'told' | 'nothing' | 'failed'>('loading')

  async function tell(stream: string): Promise<void> {
    asked.value = stream
    chapters.value = []
    state.value = 'loading'
    const { data, error } = await inTime((signal) => api.GET('/api/story/{stream}', { params: { path: { stream } }, signal }))
    if (asked.value !== stream) return
    chapters.value = data?.items ?? []
    state.value = data?.items.length ? 'told' : isNothing(error) ? 'nothing' : 'failed'
  }

  function close(): void {
    asked.value = null
  }

  return { asked, chapters, state, tell, close }
})

/** The server has answered, and knows of nothing under this address. */
function isNothing(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : ''
  return error === undefined || code === 'not_found' || code === 'invalid'
}
