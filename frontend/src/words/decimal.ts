/** Arithmetic on decimal texts: money never passes through a float. */

interface Parts {
  digits: bigint
  places: number
}

function parts(value: string): Parts {
  const [whole = '0', fraction = ''] = value.split('.')
  return { digits: BigInt(whole + fraction), places: fraction.length }
}

function text({ digits, places }: Parts): string {
  const sign = digits < 0n ? '-' : ''
  const all = String(digits < 0n ? -digits : digits).padStart(places + 1, '0')
  return places ? `${sign}${all.slice(0, -places)}.${all.slice(-places)}` : sign + all
}

/** Both numbers in units of the smaller one's last place. */
function aligned(left: Parts, right: Parts): [bigint, bigint, number] {
  const places = Math.max(left.places, right.places)
  return [left.digits * 10n ** BigInt(places - left.places), right.digits * 10n ** BigInt(places - right.places), places]
}

/** The exact product of two decimals. */
export function product(a: string, b: string): string {
  const [left, right] = [parts(a), parts(b)]
  return text({ digits: left.digits * right.digits, places: left.places + right.places })
}

/** The exact sum of decimals. */
export function sum(values: string[]): string {
  return text(
    values.map(parts).reduce(
      (total, one) => {
        const [left, right, places] = aligned(total, one)
        return { digits: left + right, places }
      },
      { digits: 0n, places: 0 },
    ),
  )
}

/** Negative when the first decimal is the smaller one, positive when it is the larger one. */
export function compare(a: string, b: string): number {
  const [left, right] = aligned(parts(a), parts(b))
  return left < right ? -1 : left > right ? 1 : 0
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
