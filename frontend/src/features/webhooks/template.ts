import pine from '../../../../docs/tradingview.pine?raw'

/** The script for TradingView, with the numbers of this user and account in it. */
export function scriptFor(user: number, broker: number): string {
  return pine.replace('input.int(1, "UserID"', `input.int(${user}, "UserID"`).replace('input.int(1, "UserExchangeID"', `input.int(${broker}, "UserExchangeID"`)
}

/** The message of an alert without a script of its own. TradingView replaces what stands in double braces. */
export function messageFor(user: number, broker: number): string {
  const [texts, figures] = [
    [['Symbol', 'ticker'], ['Exchange', 'exchange'], ['Currency', 'syminfo.currency'], ['BaseCurrency', 'syminfo.basecurrency'], ['Interval', 'interval']],
    [['Open', 'open'], ['High', 'high'], ['Low', 'low'], ['Close', 'close'], ['Volume', 'volume']],
  ]
  const said = [
    ...texts.map(([key, value]) => `"${key}":"{{${value}}}"`),
    ...figures.map(([key, value]) => `"${key}":{{${value}}}`),
    '"BarTime":"{{time}}"', '"Action":"BuyMarket"', '"Prix":NaN', '"PrixSL":NaN', '"PrixTP":NaN', '"PourCent":50',
    `"UserID":${user}`, '"IndicateurName":"My alert"', `"UserExchangeID":${broker}`,
  ]
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
