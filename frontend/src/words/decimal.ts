/** Arithmetic on decimal texts: money never passes through a float. */

interface Parts {
  digits: bigint
  places: number
}

function parts(value: string): Parts {
  const [whole = '0', fraction = ''] = value.split('.')
  return { digits: BigInt(whole + fraction), places: fraction.length }
}

/** The exact product of two decimals. */
export function product(a: string, b: string): string {
  const [left, right] = [parts(a), parts(b)]
  const digits = left.digits * right.digits
  const places = left.places + right.places
  const sign = digits < 0n ? '-' : ''
  const text = String(digits < 0n ? -digits : digits).padStart(places + 1, '0')
  return places ? `${sign}${text.slice(0, -places)}.${text.slice(-places)}` : sign + text
}

/** Whether nothing is left of it: '0', '0.000', '-0.0'. */
export function isZero(value: string): boolean {
  return /^-?0*\.?0*$/.test(value)
}

/** Where the first digit that counts stands: 1 for '7.5', 2 for '64', 0 for '0.5', -2 for '0.005'. */
export function magnitude(value: string): number {
  const [whole = '', fraction = ''] = value.replace('-', '').split('.')
  const size = whole.replace(/^0+/, '')
  return size ? size.length : 0 - (/^0*/.exec(fraction)?.[0].length ?? 0)
}
