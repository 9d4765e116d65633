import { useI18n } from 'vue-i18n'

import type { Trade } from '../../../api/client'
import { money, quantity, share } from '../../../words/format'
import { useBrokers } from '../../people/brokers/store'

export function baseOf(symbol: string): string {
  return symbol.split('/')[0] ?? ''
}

export function quoteOf(symbol: string): string {
  return symbol.split('/')[1] ?? ''
}

/** Fees as plain text, exact, for sorting and export; null without any. */
export function paid(fees: Record<string, string>): string | null {
  return Object.entries(fees).map(([currency, fee]) => `${fee} ${currency}`).join(' + ') || null
}

/** How an order is spoken of, with its units. */
export function useOrderWords() {
  const { t, te } = useI18n()
  const brokers = useBrokers()

  /** Who wanted an order, or whose a position is. */
  const source = (said: string): string => (te(`sources.${said}`) ? t(`sources.${said}`) : said)

  /** How much was sent, or wanted. */
  function size(row: Trade): string {
    if (row.quantity) return `${quantity(row.quantity)}\u00a0${baseOf(row.symbol)}`
    if (row.cost) return money(row.cost, quoteOf(row.symbol))
    if (row.wished_holding) return t('webhooks.holding', { share: share(row.wished_holding) })
    return row.wished_percent ? share(row.wished_percent) : '—'
  }

  /** What a doubt may have cost at most. */
  function worst(row: Trade): string {
    if (!row.worst_cost) return t('decisions.nobody_knows')
    if (row.side === 'buy') return money(row.worst_cost, quoteOf(row.symbol))
    return `${quantity(row.worst_cost)}\u00a0${baseOf(row.symbol)}`
  }

  function broker(row: Trade): string {
    return brokers.nameOf(row.broker_id)
  }

  return { source, size, worst, broker }
}
