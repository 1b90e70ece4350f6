// Dates and numbers as the reader's locale writes them. Every function takes
// the locale for tests; undefined means the browser's.

type Locale = string | undefined

export function dateTime(at: string | number, locale?: Locale): string {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at))
}

/** The same moment with seconds and the zone, for the hint over a shorter form. */
export function exactTime(at: string | number, locale?: Locale): string {
  const date = new Date(at)
  const local = new Intl.DateTimeFormat(locale, {
    dateStyle: 'full',
    timeStyle: 'long',
  }).format(date)
  return `${local} (${Intl.DateTimeFormat().resolvedOptions().timeZone})`
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** "5 minutes ago", or null when it is more than a week away and a date says more. */
export function ago(at: string | number, now: number, locale?: Locale): string | null {
  const seconds = (new Date(at).getTime() - now) / 1000
  if (Math.abs(seconds) >= 7 * 86_400) return null
  const words = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  for (const [unit, size] of steps) {
    if (Math.abs(seconds) >= size) return words.format(Math.trunc(seconds / size), unit)
  }
  return words.format(0, 'second')
}

export function count(n: number | bigint, locale?: Locale): string {
  return new Intl.NumberFormat(locale).format(n)
}

/** A number of addresses; what nobody reads digit by digit becomes a power of two: "2⁹⁶", "≈ 2⁹⁷". */
export function addresses(n: bigint, locale?: Locale): string {
  if (n < 10n ** 9n) return count(n, locale)
  const power = n.toString(2).length - 1
  const raised = String(power).replace(/[0-9]/g, (digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)] ?? '')
  return n === 1n << BigInt(power) ? `2${raised}` : `≈ 2${raised}`
}

/** Remaining time as m:ss; 0:00 when it is over. A part of a second counts as one, so that 5:00 is seen. */
export function clock(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** A length of time in words, rounded up: "90 minutes", "2 hours". */
export function duration(seconds: number, locale?: Locale): string {
  const words = (n: number, unit: 'second' | 'minute' | 'hour') =>
    new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(Math.ceil(n))
  if (seconds < 90) return words(seconds, 'second')
  return seconds <= 5400 ? words(seconds / 60, 'minute') : words(seconds / 3600, 'hour')
}

/** Makes a sentence of a text of the API, which begins small and has no full stop. */
export function sentence(text: string): string {
  const trimmed = text.trim()
  if (trimmed === '') return ''
  const begun = trimmed.charAt(0).toUpperCase() + trimmed.slice(1)
  return /[.!?]$/.test(begun) ? begun : `${begun}.`
}

/** "a, b and c". */
export function listed(texts: string[], locale?: Locale): string {
  return new Intl.ListFormat(locale, { type: 'conjunction' }).format(texts)
}
