import { onScopeDispose, ref } from 'vue'

import { api, inTime } from '../../api/client'
import { useSession } from '../people/session/store'

/** What was written, and the version it began with. */
interface Written {
  code: string
  based_on: number
}

/** The draft is kept: in this browser at once, at the server soon after. */
export type Keeping = 'nothing' | 'writing' | 'kept' | 'here'

const [SOON, AGAIN] = [800, 5000]

/** The draft of one strategy. It is in this browser from the first letter on, and stays there until the server has it. */
export function useDraft(number: () => number) {
  const session = useSession()
  const state = ref<Keeping>('nothing')
  let timer = 0
  let waiting: { of: number; written: Written } | null = null

  const key = (of: number): string => `aristobot.draft.${session.current?.user ?? ''}.${of}`

  /** What only this browser has of a strategy, because the server could not be told. */
  function left(of: number): Written | null {
    const said = localStorage.getItem(key(of))
    return said === null ? null : (JSON.parse(said) as Written)
  }

  function write(written: Written): void {
    waiting = { of: number(), written }
    localStorage.setItem(key(number()), JSON.stringify(written))
    state.value = 'writing'
    window.clearTimeout(timer)
    timer = window.setTimeout(() => void send(), SOON)
  }

  /** Tell the server what waits, and try again while it does not answer. */
  async function send(): Promise<void> {
    window.clearTimeout(timer)
    const sent = waiting
    if (!sent) return
    const { error } = await inTime((signal) => api.PUT('/api/strategies/{number}/draft', { params: { path: { number: sent.of } }, body: sent.written, signal }))
    if (waiting !== sent) return
    if (error === undefined) {
      waiting = null
      localStorage.removeItem(key(sent.of))
      state.value = 'kept'
    } else {
      state.value = 'here'
      timer = window.setTimeout(() => void send(), AGAIN)
    }
  }

  /** There is no draft any more: it was saved or thrown away. */
  function drop(of: number): void {
    window.clearTimeout(timer)
    waiting = null
    localStorage.removeItem(key(of))
    state.value = 'nothing'
  }

  onScopeDispose(() => void send())
  return { state, write, send, drop, left }
}
