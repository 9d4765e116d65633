import { useI18n } from 'vue-i18n'

/** How an alert's interval is said: TradingView says minutes as a bare number; days, weeks and the like have their letter. */
export function useInterval() {
  const { t } = useI18n()
  return (said: string | null | undefined): string => (said && /^\d+$/.test(said) ? t('webhooks.minutes', { n: said }) : (said ?? '—'))
}
