import { useI18n } from 'vue-i18n'

import type { CodeProblem } from '../../../api/client'
import { PHRASES } from './setup'

/** The words of the editor and of what is wrong with code, in the user's language. */
export function usePhrases() {
  const { t, te } = useI18n()
  const phrases = (): Record<string, string> => Object.fromEntries(Object.entries(PHRASES).map(([key, said]) => [said, t(`editor.${key}`)]))

  /** What Python itself says, and a strategy's own error, is in English everywhere. */
  function words({ code, about }: CodeProblem): string {
    const key = `code_problems.${code}`
    return te(key) ? t(key, { about }) : t('code_problems.other', { about: about || code })
  }

  return { phrases, words }
}
