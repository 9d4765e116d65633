import { useI18n } from 'vue-i18n'

import type { Alert } from '../../../api/client'
import { quantity } from '../../../words/format'
import { useReasons } from '../../../words/reasons'
import { useStatements } from '../../../words/statements'
import { useBrokers } from '../../people/brokers/store'

/** What an alert says: what happened, and what its reader can do, or that it is over. Facts that have words say them in the user's language. */
export function useAlertText() {
  const { t, te } = useI18n()
  const brokers = useBrokers()
  const { words } = useReasons()
  const { side, state } = useStatements()

  function fact(name: string, said: string): string {
    if (name === 'broker') return brokers.nameOf(Number(said))
    if (name === 'terminal' && te(`terminals.${said}`)) return t(`terminals.${said}`)
    if (name === 'ours') return state(said)
    if (name === 'share') return quantity(said)
    return words(said) ?? said
  }

  /** A reason without words of its own is left out: it is in the story. What the exchange said begins with its number. */
  function because({ reason, detail }: Record<string, string>): string {
    const known = words(reason)
    if (!known) return ''
    return /^-?\d+: /.test(detail ?? '') ? t('because_of', { reason: known, detail: detail?.replace(/\.$/, '') }) : t('because', { reason: known })
  }

  function facts(alert: Alert): Record<string, string> {
    const facts = Object.entries(alert.facts).map(([name, said]) => [name, fact(name, said)])
    return Object.fromEntries([...facts, ...Object.entries(alert.sides).map(([name, said]) => [name, side(said)])])
  }

  function title(alert: Alert): string {
    const cause = t(`causes.${alert.cause}`)
    return alert.ended_at ? t('over', { cause }) : cause
  }

  function body(alert: Alert): string {
    if (alert.ended_at) return t(`endings.${alert.cause}`, facts(alert))
    const told = { ...facts(alert), because: because(alert.facts) }
    const number = Number(alert.facts.count ?? alert.facts.minutes ?? 1)
    return t(`alert_texts.${alert.cause}`, told, number)
  }

  return { title, body }
}
