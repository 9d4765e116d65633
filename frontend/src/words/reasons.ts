import { useI18n } from 'vue-i18n'

/** Why something happened, in the user's language. A text that has no word here is said as it is, or left out. */
export function useReasons() {
  const { t, te } = useI18n()

  /** The words for a code; undefined if there are none. */
  function words(said: string | null | undefined): string | undefined {
    return said && te(`reasons.${said}`) ? t(`reasons.${said}`) : undefined
  }

  function reason(said: string | null | undefined): string {
    return words(said) ?? said ?? ''
  }

  return { words, reason }
}
