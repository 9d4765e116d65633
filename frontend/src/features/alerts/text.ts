import { useI18n } from 'vue-i18n'

import type { Alert } from '../../api/client'

/** What an alert says; reasons that have a word of their own say it in the user's language. */
export function useAlertText() {
  const { t, te } = useI18n()

  function body(alert: Alert): string {
    const facts = Object.entries(alert.facts).map(([name, fact]) => [name, te(`reasons.${fact}`) ? t(`reasons.${fact}`) : fact])
    return t(`alert_texts.${alert.cause}`, Object.fromEntries(facts) as Record<string, string>)
  }

  return { body }
}
