/** How numbers and times read: exact decimals in the user's language, digits that do not jump, ISO order, the zone. */
import { i18n } from '../i18n'
import { shown } from '../preferences'
import { isZero, magnitude } from './decimal'

const DASH = '—'
const MINUS = '\u2212'
const MOST_PLACES = 20
/** Currencies whose hundredth is next to nothing; of any other a hundredth may be a fortune. */
const COUNTED_IN_CENTS = /^([A-Z]{0,2}USD[A-Z]?|DAI|EUR[A-Z]?|GBP|CHF|JPY|AUD|CAD|TRY|BRL)$/

type Text = string | null | undefined
type Options = Intl.NumberFormatOptions
/** A decimal text is formatted digit by digit, as ES2023 says; the compiler would have it a literal. */
interface Exact {
  format: (value: string | number) => string
}

const formats = new Map<string, Exact>()

/** Making a format is slow, and tables have hundreds of numbers. */
function said(value: string | number, options: Options): string {
  const language = i18n.global.locale.value
  const key = language + JSON.stringify(options)
  const found = formats.get(key) ?? (new Intl.NumberFormat(language, { signDisplay: 'negative', ...options }) as unknown as Exact)
  formats.set(key, found)
  return found.format(value).replace('-', MINUS)
}

/** A quantity as it is, without the zeros at its end. */
export function quantity(value: Text): string {
  return value ? said(value, { maximumFractionDigits: MOST_PLACES }) : DASH
}

/** A price as the exchange says it: every digit counts, and there are at least two decimals. */
export function price(value: Text): string {
  return value ? said(value, { minimumFractionDigits: 2, maximumFractionDigits: MOST_PLACES }) : DASH
}

/** A price that was calculated, and may have no end: to eight digits that count. */
export function average(value: Text): string {
  if (!value) return DASH
  const places = Math.min(Math.max(8 - magnitude(value), 2), MOST_PLACES)
  return said(value, { minimumFractionDigits: 2, maximumFractionDigits: places })
}

/** To cents, or to the eighth decimal of a coin; what is less than that shows two digits, never zero. */
function amountOptions(value: string, currency: string): Options {
  const places = COUNTED_IN_CENTS.test(currency) ? 2 : 8
  return { minimumFractionDigits: 2, maximumFractionDigits: Math.min(Math.max(places, 2 - magnitude(value)), MOST_PLACES) }
}

/** An amount of a currency. */
export function money(value: Text, currency: string): string {
  return value ? `${said(value, amountOptions(value, currency))}\u00a0${currency}` : DASH
}

/** What was paid in each currency. */
export function fees(paid: Record<string, string>): string {
  return Object.entries(paid).map(([currency, fee]) => money(fee, currency)).join(' + ') || DASH
}

/** A result with its sign, which says more than its colour. */
export function signed(value: Text, currency: string): string {
  if (!value) return DASH
  return `${said(value, { ...amountOptions(value, currency), signDisplay: 'exceptZero' })}\u00a0${currency}`
}

/** A fraction as percent. */
export function percent(value: string): string {
  return said(value, { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 })
}

/** A number of percent with its sign. */
export function change(value: number): string {
  const two = { minimumFractionDigits: 2, maximumFractionDigits: 2 }
  return said(value, { style: 'unit', unit: 'percent', signDisplay: 'exceptZero', ...two })
}

/** A share such as 12.5 of a hundred. */
export function share(value: string): string {
  return said(value, { style: 'unit', unit: 'percent', maximumFractionDigits: 4 })
}

/** A number without a unit. */
export function figure(value: string | number, places: number): string {
  return said(value, { minimumFractionDigits: places, maximumFractionDigits: places })
}

export function count(value: number): string {
  return said(value, { maximumFractionDigits: 0 })
}

export function gigabytes(value: number): string {
  return figure(value / 1e9, 1)
}

/** The class of a result: which colour a rise has is the trader's choice. */
export function tone(value: Text): string {
  if (!value || isZero(value)) return ''
  return value.startsWith('-') ? 'down' : 'up'
}

/** In the zone of the preferences: UTC, or the browser's with its distance to UTC. */
export function time(value: Text): string {
  if (!value) return DASH
  const moment = new Date(value)
  if (shown.zone === 'UTC') return `${moment.toISOString().slice(0, 19).replace('T', ' ')}\u00a0UTC`
  const minutes = -moment.getTimezoneOffset()
  const local = new Date(moment.getTime() + minutes * 60_000).toISOString().slice(0, 19).replace('T', ' ')
  const hours = String(Math.floor(Math.abs(minutes) / 60)).padStart(2, '0')
  return `${local}\u00a0${minutes < 0 ? MINUS : '+'}${hours}:${String(Math.abs(minutes) % 60).padStart(2, '0')}`
}

/** The short stamp of signals, `yy.mm.dd_hh:mm`, in the zone of the preferences. */
export function stamp(value: string): string {
  return time(value).slice(2, 16).replaceAll('-', '.').replace(' ', '_')
}

/** So many seconds in the two largest units. */
export function duration(seconds: number): string {
  const whole = Math.max(Math.floor(seconds), 0)
  const [minutes, hours, days] = [60, 3600, 86_400].map((unit) => Math.floor(whole / unit)) as [number, number, number]
  if (!minutes) return `${whole}\u00a0s`
  if (!hours) return `${minutes}\u00a0min\u00a0${whole % 60}\u00a0s`
  if (!days) return `${hours}\u00a0h\u00a0${minutes % 60}\u00a0min`
  return `${count(days)}\u00a0${i18n.global.locale.value === 'fr' ? 'j' : 'd'}\u00a0${hours % 24}\u00a0h`
}

/** How long ago. */
export function age(since: string, now: number): string {
  return duration((now - Date.parse(since)) / 1000)
}
