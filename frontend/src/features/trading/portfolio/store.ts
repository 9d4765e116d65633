import { defineStore } from 'pinia'
import { computed, ref } from 'vue'

import { type EquityPoint, type Portfolio, api, inTime } from '../../../api/client'
import { useLayout } from '../../../layout/store'
import type { Message } from '../../../live/socket'
import { product, sum } from '../../../words/decimal'
import { MONEY } from './holdings'

export type Currency = Portfolio['currency']
export const CURRENCIES: Currency[] = ['USDT', 'USDC', 'EUR', 'BTC']

/** What all accounts hold and are worth, at the prices of the moment. */
export const usePortfolio = defineStore('portfolio', () => {
  const layout = useLayout()
  const portfolio = ref<Portfolio | null>(null)
  const curve = ref<EquityPoint[]>([])

  function take(message: Message): void {
    portfolio.value = (message.items[0] as Portfolio | undefined) ?? null
  }

  async function loadCurve(): Promise<void> {
    const { data } = await inTime((signal) => api.GET('/api/portfolio/curve', { params: { query: { days: 30 } }, signal }))
    if (data) curve.value = data.items
  }

  /** Value everything in this currency; the server pushes it so from now on. */
  async function valueIn(currency: Currency): Promise<void> {
    layout.change({ currency })
    const { data } = await inTime((signal) => api.GET('/api/portfolio', { params: { query: { currency } }, signal }))
    if (data) portfolio.value = data
  }

  const holdings = computed(() =>
    (portfolio.value?.accounts ?? []).flatMap((account) => account.holdings.map((one) => ({ ...one, broker_id: account.broker_id, age: account.age }))),
  )
  /** What is free to buy with. */
  const available = computed(() => sum(holdings.value.filter((one) => MONEY.has(one.currency) && one.price !== null).map((one) => product(one.free, one.price ?? '0'))))
  /** What stands in open positions. */
  const exposure = computed(() => sum(holdings.value.flatMap((one) => (one.price === null ? [] : [product(one.in_positions, one.price)]))))
  /** How much of it all stands in open positions (fraction); null while that is not known. */
  const exposed = computed(() => {
    const worth = Number(portfolio.value?.worth ?? 0)
    return worth > 0 ? Number(exposure.value) / worth : null
  })

  /** The change of the day of all accounts; null while it is not known of each. */
  const today = computed(() => {
    const found = (portfolio.value?.accounts ?? []).flatMap((account) => (account.today === null ? [] : [account.today]))
    return found.length && found.length === portfolio.value?.accounts.length ? sum(found) : null
  })
  /** The furthest below its peak that an account is (fraction). */
  const drawdown = computed(() => {
    const found = (portfolio.value?.accounts ?? []).flatMap((account) => (account.drawdown === null ? [] : [account.drawdown]))
    return found.length ? Math.max(...found) : null
  })

  return { portfolio, curve, holdings, available, exposure, exposed, today, drawdown, take, loadCurve, valueIn }
})
