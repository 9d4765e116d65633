import pine from '../../../../docs/tradingview.pine?raw'

/** The script for TradingView, with the numbers of this user and account in it. */
export function scriptFor(user: number, broker: number): string {
  return pine.replace('input.int(1, "UserID"', `input.int(${user}, "UserID"`).replace('input.int(1, "UserExchangeID"', `input.int(${broker}, "UserExchangeID"`)
}

export const ACTIONS = ['BuyMarket', 'SellMarket', 'BuyLimit', 'SellLimit', 'Position', 'MAJ', 'PING'] as const

/** What an alert is to ask for. Texts are as typed; empty ones are left to TradingView, or out. */
export interface Wish {
  action: (typeof ACTIONS)[number]
  symbol: string
  /** Of the balance or of what is held; for the action `Position`, of the account's worth that is to be held. */
  percent: string
  price: string
  stop: string
  target: string
  indicator: string
}

export const newWish = (): Wish => ({ action: 'BuyMarket', symbol: '', percent: '50', price: '', stop: '', target: '', indicator: 'My alert' })

const number = (typed: string | number): string => (String(typed).trim() === '' ? 'NaN' : String(typed).trim())

function asked(wish: Wish, user: number, broker: number): string[] {
  const sizes = wish.action === 'PING' ? [] : [`"Prix":${number(wish.price)}`, `"PrixSL":${number(wish.stop)}`, `"PrixTP":${number(wish.target)}`, `"${wish.action === 'Position' ? 'Position' : 'PourCent'}":${number(wish.percent)}`]
  return [`"Action":"${wish.action}"`, ...sizes, `"UserID":${user}`, `"IndicateurName":${JSON.stringify(wish.indicator)}`, `"UserExchangeID":${broker}`]
}

/** The message of an alert without a script of its own. TradingView replaces what stands in double braces. */
export function messageFor(user: number, broker: number, wish: Wish): string {
  const texts = [['Symbol', 'ticker'], ['Exchange', 'exchange'], ['Currency', 'syminfo.currency'], ['BaseCurrency', 'syminfo.basecurrency'], ['Interval', 'interval']]
  const figures = [['Open', 'open'], ['High', 'high'], ['Low', 'low'], ['Close', 'close'], ['Volume', 'volume']]
  const said = [
    // Another pair than the chart's has other currencies too.
    ...texts.flatMap(([key, value]) => (wish.symbol && key !== 'Interval' ? (key === 'Symbol' ? [`"Symbol":${JSON.stringify(wish.symbol)}`] : []) : [`"${key}":"{{${value}}}"`])),
    ...figures.map(([key, value]) => `"${key}":{{${value}}}`),
    '"BarTime":"{{time}}"', ...asked(wish, user, broker),
  ]
  return `{${said.join(',')}}`
}

/** The same alert as TradingView would send it now. It names no interval, so no further one is expected after it. */
export function trialOf(user: number, broker: number, wish: Wish, now: Date): string {
  const said = [`"Symbol":${JSON.stringify(wish.symbol || 'BTCUSDT')}`, `"BarTime":"${now.toISOString()}"`, ...asked(wish, user, broker)]
  return `{${said.join(',')}}`
}

/** TradingView reaches public names on the ports 80 and 443 alone. */
export function isReachedByTradingView(address: string): boolean {
  try {
    const { hostname, port } = new URL(address)
    const isPrivate = /^(localhost|0\.|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[)/.test(hostname) || !hostname.includes('.')
    return port === '' && !isPrivate
  } catch {
    return false
  }
}
