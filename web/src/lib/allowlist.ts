import {
  type Address,
  formatPrefix,
  isMapped,
  masked,
  type Prefix,
  parseAddress,
  parsePrefix,
  size,
  within,
} from '@/lib/address'

// What a pasted IP whitelist means, entry by entry. The program judges again
// with the same rules (allowlist.go); both are tested with the same cases file.

/** The most entries that a key takes. */
export const mostEntries = 1000

/** Why an entry is not plainly valid: a text of the catalogue, and what it names. */
export type Reason = {
  code: ReasonCode
  /** What to write instead. */
  instead?: string
  /** The registry's words for a special range. */
  range?: RangeName
  rfc?: string
}

export type ReasonCode =
  | 'zone'
  | 'brackets'
  | 'port'
  | 'slash'
  | 'range'
  | 'wildcard'
  | 'zeros'
  | 'garbage' // prettier-ignore
  | 'all'
  | 'mapped'
  | 'bits'
  | 'nobody'
  | 'translated'
  | 'compatible'
  | 'duplicate'
  | 'special'

type RangeName =
  | 'private'
  | 'loopback'
  | 'linkLocal'
  | 'cgnat'
  | 'documentation'
  | 'benchmark'
  | 'thisNetwork'
  | 'reserved'
  | 'discard'

export type Entry = {
  /** As it was pasted, shortened when long. */
  text: string
  verdict: 'valid' | 'duplicate' | 'warning' | 'invalid'
  /** The canonical form, unless it is invalid. */
  prefix?: string
  /** How many addresses it covers. */
  covers?: bigint
  reason?: Reason
}

/** Spaces, tabs, newlines, semicolons, commas; the no-break space of web pages, the full-width marks of CJK keyboards. */
const separators = /[ \t\r\n\v\f;,\u00a0\u3000\uff0c\uff1b]+/

/** Splits what was pasted into entries. */
export function splitEntries(text: string): string[] {
  return text.split(separators).filter((part) => part !== '')
}

/** Judges every entry by itself, and the later of two equal ones as a duplicate. */
export function judgeEntries(texts: string[]): Entry[] {
  const seen = new Set<string>()
  return texts.map((text) => {
    const entry = remembered(text)
    if (!entry.prefix) return entry
    if (seen.has(entry.prefix)) return { ...entry, verdict: 'duplicate', reason: { code: 'duplicate' } }
    seen.add(entry.prefix)
    return entry
  })
}

/** The entries that a key would get. */
export function accepted(entries: Entry[]): string[] {
  return entries.flatMap((e) => (e.prefix && e.verdict !== 'duplicate' ? [e.prefix] : []))
}

// A form judges the whole list at each key stroke, and a thousand IPv6 prefixes
// take a tenth of a second. The same text always means the same.
const memory = new Map<string, Entry>()

function remembered(text: string): Entry {
  const found = memory.get(text)
  if (found) return found
  if (memory.size > 5 * mostEntries) memory.clear()
  const entry = judge(text)
  memory.set(text, entry)
  return entry
}

function judge(raw: string): Entry {
  const text = clip(raw)
  const prefix = raw.includes('%') ? null : parsePrefix(raw)
  const reason = prefix ? refuse(prefix) : { code: mistake(raw) }
  if (!prefix || reason) return { text, verdict: 'invalid', ...(reason ? { reason } : {}) }
  const good = { text, prefix: formatPrefix(prefix), covers: size(prefix) }
  const warning = specialRange(prefix)
  return warning ? { ...good, verdict: 'warning', reason: warning } : { ...good, verdict: 'valid' }
}

/** Names the usual mistakes, in the order of the program. */
function mistake(text: string): ReasonCode {
  if (text.includes('%')) return 'zone'
  if (/[[\]]/.test(text)) return 'brackets'
  if (hasPort(text)) return 'port'
  if (text.split('/').length > 2 || text.endsWith('/')) return 'slash'
  if (text.includes('-')) return 'range'
  if (text.includes('*')) return 'wildcard'
  return leadingZero(text) ? 'zeros' : 'garbage'
}

function hasPort(text: string): boolean {
  const colon = text.lastIndexOf(':')
  const port = text.slice(colon + 1)
  return colon > 0 && /^[0-9]+$/.test(port) && Number(port) <= 65535 && parseAddress(text.slice(0, colon))?.bits === 32
}

/** 010.0.0.1 and 10.0.0.0/08 can be read as octal (CVE-2021-29923). */
function leadingZero(text: string): boolean {
  if (text.includes(':')) return /\/0./.test(text)
  return text.split(/[./]/).some((part) => /^0[0-9]+$/.test(part))
}

function known(text: string): Prefix {
  const p = parsePrefix(text)
  if (!p) throw new Error(`not a prefix: ${text}`)
  return p
}

/** NAT64, 6to4 and Teredo: IPv6 with an IPv4 address inside. A client never appears with them. */
const translated = ['64:ff9b::/96', '64:ff9b:1::/48', '2002::/16', '2001::/32'].map(known)
const compatible = known('::/96')
const multicast = ['224.0.0.0/4', 'ff00::/8'].map(known)

function refuse(p: Prefix): Reason | null {
  if (p.length === 0) return { code: 'all' }
  if (isMapped(p)) return { code: 'mapped', ...unmapped(p) }
  const clean = formatPrefix(masked(p))
  if (clean !== formatPrefix(p)) return { code: 'bits', instead: clean }
  if (nobody(p)) return { code: 'nobody' }
  if (translated.some((t) => within(p, t))) return { code: 'translated' }
  return within(p, compatible) && p.value !== 1n ? { code: 'compatible' } : null
}

/** Addresses that no client has. Shorter prefixes at zero, like 0.0.0.0/1, hold real clients. */
function nobody(p: Prefix): boolean {
  return (
    (p.value === 0n && p.length >= 8) ||
    (p.bits === 32 && p.value === 0xffff_ffffn) ||
    multicast.some((m) => m.bits === p.bits && within({ ...p, length: p.bits }, m))
  )
}

/** The IPv4 form of a mapped prefix, as far as it has one. */
function unmapped(p: Prefix): { instead?: string } {
  if (p.length <= 96) return {}
  const v4: Address = { bits: 32, value: p.value & 0xffff_ffffn }
  return { instead: formatPrefix(masked({ ...v4, length: p.length - 96 })) }
}

/** Ranges that never show up as a client on the internet (IANA special-purpose registries, RFC 6890). */
const special = (
  [
    ['10.0.0.0/8', 'private', 'RFC 1918'],
    ['172.16.0.0/12', 'private', 'RFC 1918'],
    ['192.168.0.0/16', 'private', 'RFC 1918'],
    ['127.0.0.0/8', 'loopback', ''],
    ['169.254.0.0/16', 'linkLocal', ''],
    ['100.64.0.0/10', 'cgnat', 'RFC 6598'],
    ['192.0.2.0/24', 'documentation', 'RFC 5737'],
    ['198.51.100.0/24', 'documentation', 'RFC 5737'],
    ['203.0.113.0/24', 'documentation', 'RFC 5737'],
    ['198.18.0.0/15', 'benchmark', 'RFC 2544'],
    ['0.0.0.0/8', 'thisNetwork', 'RFC 791'],
    ['240.0.0.0/4', 'reserved', 'RFC 1112'],
    ['::1/128', 'loopback', ''],
    ['fe80::/10', 'linkLocal', ''],
    ['fc00::/7', 'private', 'RFC 4193'],
    ['2001:db8::/32', 'documentation', 'RFC 3849'],
    ['3fff::/20', 'documentation', 'RFC 9637'],
    ['100::/64', 'discard', 'RFC 6666'],
  ] as const
).map(([prefix, range, rfc]) => ({ prefix: known(prefix), range, rfc }))

function specialRange(p: Prefix): Reason | null {
  const found = special.find((s) => within(p, s.prefix))
  return found ? { code: 'special', range: found.range, rfc: found.rfc } : null
}

/** Shortens hostile input and drops what would turn or hide the text around it. */
function clip(text: string): string {
  const runes = [...text]
  const shown = runes.slice(0, 64).map((r) => (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(r) && r !== '\ufffd' ? r : '?'))
  return shown.join('') + (runes.length > 64 ? '...' : '')
}
