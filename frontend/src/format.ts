/** How numbers and times read: digits that do not jump, ISO order, the zone printed. */

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

export function time(value: string | null | undefined): string {
  return value ? `${new Date(value).toISOString().slice(0, 19).replace('T', ' ')} UTC` : '—'
}

export function gigabytes(value: number): string {
  return (value / 1e9).toFixed(1)
}
