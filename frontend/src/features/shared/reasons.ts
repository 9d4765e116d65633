import { useI18n } from 'vue-i18n'

import codes from '../../../../adapters/words/codes.json'

/** Sentences of the platform that are no codes, and kinds of failure (`NoAnswer: no connection: …`): the code of each. */
const SENTENCES: Record<string, string> = codes.sentences
const FAILURES: Record<string, string> = codes.failures

/** Why something happened, in the user's language. A text that has no word here is said as it is, or left out. */
export function useReasons() {
  const { t, te } = useI18n()

  /** The words for a code, a known sentence or a failure; undefined if there are none. */
  function words(said: string | null | undefined): string | undefined {
    if (!said) return undefined
    const code = SENTENCES[said] ?? FAILURES[said.split(':')[0] ?? ''] ?? said
    return te(`reasons.${code}`) ? t(`reasons.${code}`) : undefined
  }

  function reason(said: string | null | undefined): string {
    return words(said) ?? said ?? ''
  }

  return { words, reason }
}
