// IP addresses and prefixes as Go's net/netip reads them: strict decimal IPv4
// without leading zeros, IPv6 with an optional dotted end. The whitelist of the
// console must agree with the program's to the letter (testdata/allowlist.json).

export type Address = { bits: 32 | 128; value: bigint }
export type Prefix = Address & { length: number }

const decimal = /^(0|[1-9][0-9]{0,2})$/
const group = /^[0-9a-f]{1,4}$/i

function parse4(text: string): bigint | null {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((p) => decimal.test(p) && Number(p) <= 255)) return null
  return parts.reduce((sum, p) => (sum << 8n) | BigInt(p), 0n)
}

/** The groups of one side of "::"; a dotted IPv4 address at the very end counts as two. */
function groups(text: string, dottedEnd: boolean): bigint[] | null {
  if (text === '') return []
  const parts = text.split(':')
  const out: bigint[] = []
  for (const [i, part] of parts.entries()) {
    const dotted = dottedEnd && i === parts.length - 1 && part.includes('.') ? parse4(part) : null
    if (dotted !== null) out.push(dotted >> 16n, dotted & 0xffffn)
    else if (group.test(part)) out.push(BigInt(`0x${part}`))
    else return null
  }
  return out
}

function parse6(text: string): bigint | null {
  const sides = text.split('::')
  if (sides.length > 2) return null
  const [left = '', right] = sides
  const head = groups(left, right === undefined)
  const tail = groups(right ?? '', true)
  if (!head || !tail) return null
  const missing = 8 - head.length - tail.length
  if (right === undefined ? missing !== 0 : missing < 1) return null
  const all = [...head, ...Array<bigint>(missing).fill(0n), ...tail]
  return all.reduce((sum, g) => (sum << 16n) | g, 0n)
}

/** Reads an address without zone, port or brackets; null when it is none. */
export function parseAddress(text: string): Address | null {
  const value = text.includes(':') ? parse6(text) : parse4(text)
  if (value === null) return null
  return { bits: text.includes(':') ? 128 : 32, value }
}

/** Reads "address/length"; a bare address has its full length. Bits behind the length may be set. */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.lastIndexOf('/')
  if (slash < 0) {
    const single = parseAddress(text)
    return single && { ...single, length: single.bits }
  }
  const address = parseAddress(text.slice(0, slash))
  const length = text.slice(slash + 1)
  if (!address || !decimal.test(length) || Number(length) > address.bits) return null
  return { ...address, length: Number(length) }
}

/** The prefix with the bits behind its length cleared. */
export function masked(p: Prefix): Prefix {
  const host = BigInt(p.bits - p.length)
  return { ...p, value: (p.value >> host) << host }
}

/** Whether p lies inside outer. */
export function within(p: Prefix, outer: Prefix): boolean {
  const host = BigInt(outer.bits - outer.length)
  return p.bits === outer.bits && p.length >= outer.length && p.value >> host === outer.value >> host
}

/** An IPv4 address written as IPv6: ::ffff:192.0.2.7. */
export function isMapped(a: Address): boolean {
  return a.bits === 128 && a.value >> 32n === 0xffffn
}

/** How many addresses a prefix has. */
export function size(p: Prefix): bigint {
  return 1n << BigInt(p.bits - p.length)
}

/** The canonical form (RFC 5952). */
export function formatAddress(a: Address): string {
  if (a.bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (a.value >> shift) & 255n).join('.')
  const hex = Array.from({ length: 8 }, (_, i) => ((a.value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))
  const run = longestZeros(hex)
  if (!run) return hex.join(':')
  return `${hex.slice(0, run.from).join(':')}::${hex.slice(run.to).join(':')}`
}

/** The first of the longest runs of at least two zero groups. */
function longestZeros(hex: string[]): { from: number; to: number } | null {
  let best: { from: number; to: number } | null = null
  for (let from = 0; from < hex.length; from++) {
    let to = from
    while (hex[to] === '0') to++
    if (to - from >= 2 && (!best || to - from > best.to - best.from)) best = { from, to }
    from = Math.max(from, to - 1)
  }
  return best
}

/** A single address without its length. */
export function formatPrefix(p: Prefix): string {
  return p.length === p.bits ? formatAddress(p) : `${formatAddress(p)}/${p.length}`
}
