import { useI18n } from 'vue-i18n'

import { duration, figure } from '../../../words/format'

/** How a time in milliseconds is said: as such below a second, in seconds below a minute, then in words. */
export function useMilliseconds() {
  const { t } = useI18n()
  return (ms: number): string => {
    if (ms < 1) return t('latency.below_one')
    if (ms < 1000) return t('latency.milliseconds', { n: figure(ms, 0) })
    return ms < 60_000 ? t('latency.seconds', { n: figure(ms / 1000, 1) }) : duration(ms / 1000)
  }
}
