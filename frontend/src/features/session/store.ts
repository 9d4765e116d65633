import { defineStore } from 'pinia'
import { ref } from 'vue'

import { type Problem, type Session, api, carryCsrf, problemOf } from '../../api/client'
import { type Language, speak } from '../../i18n'

/** Who is logged in. */
export const useSession = defineStore('session', () => {
  const current = ref<Session | null>(null)
  let restored = false

  function begin(session: Session): void {
    current.value = session
    carryCsrf(session.csrf)
  }

  async function restore(): Promise<void> {
    if (restored) return
    restored = true
    const { data } = await api.GET('/api/session')
    if (data) begin(data)
  }

  /** `chosen` is the language picked on the way in: it outweighs the one kept from before. */
  async function enter(
    username: string, password: string, first: boolean, chosen: Language | null,
  ): Promise<Problem | null> {
    const body = { username, password }
    const { data, error } = first ? await api.POST('/api/users', { body }) : await api.POST('/api/session', { body })
    if (error !== undefined) return problemOf(error)
    if (data) {
      begin(data)
      if (chosen && chosen !== data.language) await prefer(chosen)
      else speak(data.language as Language)
    }
    return null
  }

  async function leave(): Promise<void> {
    await api.DELETE('/api/session')
    current.value = null
  }

  async function prefer(language: Language): Promise<void> {
    speak(language)
    await api.PUT('/api/session/language', { body: { language } })
  }

  return { current, restore, enter, leave, prefer }
})
