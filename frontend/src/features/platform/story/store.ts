import { defineStore } from 'pinia'
import { ref } from 'vue'

import { type Chapter, api } from '../../../api/client'

/** The story of one webhook, order or position, shown in the drawer while it is asked for. */
export const useStory = defineStore('story', () => {
  const asked = ref<string | null>(null)
  const chapters = ref<Chapter[]>([])

  async function tell(stream: string): Promise<void> {
    asked.value = stream
    chapters.value = []
    const { data } = await api.GET('/api/story/{stream}', { params: { path: { stream } } })
    if (data && asked.value === stream) chapters.value = data.items
  }

  function close(): void {
    asked.value = null
  }

  return { asked, chapters, tell, close }
})
