import { defineStore } from 'pinia'
import { ref } from 'vue'

import { type Preferences, type Session, api, carryCsrf, inTime } from '../../../api/client'
import { i18n } from '../../../i18n'
import { show } from '../../../preferences'

const ANSWER_WITHIN = 5000
const UNAUTHORISED = 401

interface Credentials {
  username: string
  password: string
  code: string | null
}

/** Who is logged in. */
export const useSession = defineStore('session', () => {
  const current = ref<Session | null>(null)
  const debug = ref(false)
  /** The server did not say who is logged in: it, or its database, is away. */
  const away = ref(false)
  let restored = false

  function begin(session: Session): void {
    current.value = session
    carryCsrf(session.csrf)
    show(session.preferences, session.has_chosen)
  }

  /** Ask once who is logged in. Where nobody can say, `away` is set, and it is asked again the next time. */
  async function restore(): Promise<void> {
    if (restored) return
    try {
      const signal = AbortSignal.timeout(ANSWER_WITHIN)
      const { data, response } = await api.GET('/api/session', { signal })
      away.value = !data && response.status !== UNAUTHORISED
      if (data) begin(data)
    } catch {
      away.value = true
    }
    if (away.value) return
    restored = true
    const { data: start } = await inTime((signal) => api.GET('/api/start', { signal }))
    debug.value = start?.debug_active ?? false
  }

  /** `chosen` is the language picked on the way in: it outweighs the one kept from before. */
  async function enter(body: Credentials, chosen: string | null) {
    const answer = await api.POST('/api/session', { body })
    if (answer.data) await welcome(answer.data, chosen)
    return answer
  }

  async function register(body: Credentials, chosen: string | null) {
    const answer = await api.POST('/api/users', { body })
    if (answer.data) await welcome(answer.data, chosen)
    return answer
  }

  /** Log in as the developer, or leave that mode. */
  async function develop(active: boolean) {
    const answer = await api.PUT('/api/debug', { body: { active } })
    debug.value = active && answer.error === undefined
    if (answer.data) begin(answer.data)
    return answer
  }

  async function welcome(session: Session, chosen: string | null): Promise<void> {
    begin(session)
    if (chosen && (!session.has_chosen || chosen !== session.preferences.language)) await prefer({ language: chosen })
  }

  async function leave(): Promise<void> {
    await api.DELETE('/api/session')
    current.value = null
    carryCsrf('')
  }

  /** Change what is given of the preferences and keep it with the account. */
  async function prefer(changed: Partial<Preferences>) {
    if (!current.value) return { error: undefined }
    // What was never chosen is kept as it is shown now.
    const known = current.value.has_chosen ? {} : { language: i18n.global.locale.value }
    const preferences = { ...current.value.preferences, ...known, ...changed }
    current.value = { ...current.value, preferences, has_chosen: true }
    show(preferences, true)
    return api.PUT('/api/account/preferences', { body: preferences })
  }

  return { current, debug, away, restore, enter, register, develop, leave, prefer }
})
