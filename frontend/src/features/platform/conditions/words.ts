import { useI18n } from 'vue-i18n'

import type { Condition, Obstacle } from '../../../api/client'
import { useReasons } from '../../../words/reasons'
import { useInterval } from '../../webhooks/interval'

/** How a condition is said: what it is about, what stands in its way, and what clears that. */
export function useConditionWords() {
  const { t } = useI18n()
  const { words } = useReasons()
  const interval = useInterval()

  function subject(row: Condition): string {
    if (row.kind === 'account') return t('conditions.whole_account')
    return [row.symbol, row.interval && interval(row.interval), row.indicator].filter(Boolean).join(' · ')
  }

  /** What a cause says further: codes by their words, pairs and texts of the exchange as they are. */
  function further(one: Obstacle): string | null {
    if (one.detail === null || one.cause === 'not_for_webhooks') return null
    return words(one.detail) ?? one.detail
  }

  function cause(one: Obstacle): string {
    // The level of a protection says it all.
    if (one.cause === 'not_protected') return t(`levels_help.${one.detail}`)
    const [said, more] = [t(`conditions.causes.${one.cause}`), further(one)]
    return more === null ? said : t('conditions.with_detail', { said, more })
  }

  const clears = (one: Obstacle): string => t(`conditions.clears.${one.cause}`)

  return { subject, cause, clears }
}
