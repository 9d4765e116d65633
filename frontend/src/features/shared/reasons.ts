import { useI18n } from 'vue-i18n'

/** Sentences of the platform that are no codes, and the code that each stands for. */
const SENTENCES: Record<string, string> = {
  'the connection was closed': 'connection_closed',
  'the exchange does not show it': 'not_shown',
}
/** What the kinds of failure that the gateway names mean: `NoAnswer: no connection: …`. */
const FAILURES: Record<string, string> = {
  TimeoutError: 'too_slow',
  NoAnswer: 'no_answer',
  Unreadable: 'unreadable',
  PartlyUnreadable: 'unreadable',
  NotAccepted: 'not_accepted',
  RefusedByExchange: 'refused_by_exchange',
}

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
