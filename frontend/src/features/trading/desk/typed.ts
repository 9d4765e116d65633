import type { NewTicket } from '../../../api/client'

export const TYPES = ['market', 'limit', 'stop_loss', 'stop_loss_limit', 'take_profit', 'take_profit_limit'] as const
/** An OCO is no order of its own: it is the stop and the target of what is held. */
export const OCO = 'oco'
export const UNITS = ['base', 'quote', 'percent', 'risk'] as const
export const FORCES = ['GTC', 'IOC', 'FOK', 'PO'] as const

/** What is typed into a ticket. Empty fields are not sent. */
export interface Typed {
  side: 'buy' | 'sell'
  type: (typeof TYPES)[number] | typeof OCO
  unit: (typeof UNITS)[number]
  amount: string
  price: string
  stop_price: string
  time_in_force: (typeof FORCES)[number]
  stop_loss: string
  take_profit: string
  max_slippage: string
  trailing: string
}

export const EMPTY: Typed = {
  side: 'buy', type: 'market', unit: 'quote', amount: '', price: '', stop_price: '', time_in_force: 'GTC', stop_loss: '', take_profit: '', max_slippage: '', trailing: '',
}

/** The prices and terms that an order of this side and type takes. */
export function fieldsOf(typed: Pick<Typed, 'side' | 'type'>): (keyof Typed)[] {
  const own: Record<Typed['type'], (keyof Typed)[]> = {
    market: ['max_slippage'], limit: ['price', 'time_in_force'], stop_loss: ['stop_price', 'trailing'], take_profit: ['stop_price', 'trailing'],
    stop_loss_limit: ['stop_price', 'price'], take_profit_limit: ['stop_price', 'price'], oco: [],
  }
  if (typed.type === OCO) return []
  return [...own[typed.type], ...(typed.side === 'buy' ? (['stop_loss', 'take_profit'] as const) : [])]
}

/** A comma is a decimal point too: it is what a French keyboard has. */
const amountOf = (text: string): string => text.trim().replace(',', '.')

/** The request for what is typed, null while it has no amount. */
export function requestOf(broker: number, symbol: string, typed: Typed): NewTicket | null {
  if (typed.type === OCO || !amountOf(typed.amount)) return null
  const taken = fieldsOf(typed)
  const prices = (['price', 'stop_price', 'stop_loss', 'take_profit', 'max_slippage', 'trailing'] as const).filter((name) => taken.includes(name) && amountOf(typed[name]))
  return {
    broker, symbol, side: typed.side, type: typed.type, unit: typed.unit, amount: amountOf(typed.amount),
    ...Object.fromEntries(prices.map((name) => [name, amountOf(typed[name])])),
    ...(taken.includes('time_in_force') ? { time_in_force: typed.time_in_force } : {}),
  }
}
