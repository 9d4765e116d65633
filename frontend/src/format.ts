/** How numbers and times read: digits that do not jump, ISO order, the zone printed. */
import { shown } from './features/account/preferences'

export function amount(value: string | null | undefined, places?: number): string {
  if (value === null || value === undefined) return '—'
  const [whole = '0', fraction = ''] = value.split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f')
  const kept = places === undefined ? fraction.replace(/0+$/, '') : fraction.padEnd(places, '0').slice(0, places)
  return kept ? `${grouped}.${kept}` : grouped
}

/** A result with its sign, which says more than its colour. */
export function signed(value: string, places: number): string {
  const negative = value.startsWith('-')
  const size = amount(negative ? value.slice(1) : value, places)
  return `${negative ? '\u2212' : '+'}${size}`
}

/** The class of a result: which colour a rise has is the trader's choice. */
export function tone(value: string | null | undefined): string {
  if (!value || Number(value) === 0) return ''
  return Number(value) > 0 ? 'up' : 'down'
}

/** In the zone of the preferences: UTC, or the browser's with its distance to UTC. */
export function time(value: string | null | undefined): string {
  if (!value) return '—'
  const moment = new Date(value)
  if (shown.zone === 'UTC') return `${moment.toISOString().slice(0, 19).replace('T', ' ')} UTC`
  const minutes = -moment.getTimezoneOffset()
  const local = new Date(moment.getTime() + minutes * 60_000).toISOString().slice(0, 19).replace('T', ' ')
  const hours = String(Math.floor(Math.abs(minutes) / 60)).padStart(2, '0')
  return `${local} ${minutes < 0 ? '\u2212' : '+'}${hours}:${String(Math.abs(minutes) % 60).padStart(2, '0')}`
}

export function gigabytes(value: number): string {
  return (value / 1e9).toFixed(1)
}

/** A fraction as percent. */
export function percent(value: string): string {
  return `${(Number(value) * 100).toFixed(1)} %`
}

/** How long ago, in the two largest units. */
export function age(since: string, now: number): string {
  const seconds = Math.max(Math.floor((now - Date.parse(since)) / 1000), 0)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}
