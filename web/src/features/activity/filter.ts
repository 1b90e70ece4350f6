import type { Activity } from '@/api/types'

// What the page asks the API for, out of what stands in its URL. Pure.

export type Kind = Activity['type']
export type Group = 'keys' | 'proofs' | 'signIn' | 'guards' | 'account'

/** Every type has its group: a type that the API gets is missing here until it is put in one. */
const groupOf: Record<Kind, Group> = {
  key_created: 'keys',
  key_edited: 'keys',
  key_activated: 'keys',
  key_deactivated: 'keys',
  key_deleted: 'keys',
  key_session_ended: 'keys',
  pending_opened: 'proofs',
  pending_cancelled: 'proofs',
  pending_died: 'proofs',
  code_sent: 'proofs',
  code_wrong: 'proofs',
  signed_in: 'signIn',
  password_accepted: 'signIn',
  sign_in_failed: 'signIn',
  signed_out: 'signIn',
  password_changed: 'guards',
  reset_asked: 'guards',
  password_reset: 'guards',
  factor_enrolled: 'guards',
  factor_removed: 'guards',
  recovery_renewed: 'guards',
  recovery_used: 'guards',
  account_created: 'account',
  member_added: 'account',
  member_removed: 'account',
  refused: 'account',
  keyset_rotated: 'account',
  database_restored: 'account',
  nodes_linked: 'account',
  nodes_opened: 'account',
  nodes_closed: 'account',
}

const isKind = (text: string): text is Kind => Object.hasOwn(groupOf, text)

/** The groups in the order of the choice, each with its types. */
export function groups(): [Group, Kind[]][] {
  const found = new Map<Group, Kind[]>()
  for (const kind of Object.keys(groupOf).filter(isKind)) {
    found.set(groupOf[kind], [...(found.get(groupOf[kind]) ?? []), kind])
  }
  return [...found]
}

/** The types of the choice "key_edited" or "keys"; none means all of them. */
export function kindsOf(choice: string | undefined): Kind[] {
  if (choice === undefined) return []
  if (isKind(choice)) return [choice]
  return groups().find(([group]) => group === choice)?.[1] ?? []
}

export const periods = ['day', 'week', 'month', 'quarter', 'all', 'custom'] as const
export type Period = (typeof periods)[number]

const days: Partial<Record<Period, number>> = { day: 1, week: 7, month: 30, quarter: 90 }

/** What stands in the URL. from and to are days of the reader's calendar: 2026-03-31. */
export type Filter = {
  period?: string | undefined
  from?: string | undefined
  to?: string | undefined
  type?: string | undefined
  key?: string | undefined
}

export function periodOf(filter: Filter): Period {
  return periods.find((p) => p === filter.period) ?? 'month'
}

/** The midnight that begins a day, or the one that ends it; undefined for what is no day. */
function midnight(day: string | undefined, add: 0 | 1): Date | undefined {
  const [, y, m, d] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day ?? '') ?? []
  if (!y || !m || !d) return undefined
  return new Date(Number(y), Number(m) - 1, Number(d) + add) // the locale's own days, with summer time
}

export type Query = { from?: string; to?: string; type?: Kind[]; key?: string }

/** The filter in the words of the API. now: milliseconds since 1970. */
export function queryOf(filter: Filter, now: number): Query {
  const period = periodOf(filter)
  const back = days[period]
  const custom = period === 'custom'
  const from = back ? new Date(now - back * 86_400_000) : custom ? midnight(filter.from, 0) : undefined
  const to = custom ? midnight(filter.to, 1) : undefined
  const type = kindsOf(filter.type)
  return {
    ...(from ? { from: from.toISOString() } : {}),
    ...(to ? { to: to.toISOString() } : {}),
    ...(type.length > 0 ? { type } : {}),
    ...(filter.key ? { key: filter.key } : {}),
  }
}

/** Whether the two days stand the wrong way round. */
export function backwards(filter: Filter): boolean {
  return periodOf(filter) === 'custom' && !!filter.from && !!filter.to && filter.to < filter.from
}

/** Where the same selection is downloaded. */
export function exportPath(query: Query): string {
  const search = new URLSearchParams()
  if (query.from) search.set('from', query.from)
  if (query.to) search.set('to', query.to)
  for (const kind of query.type ?? []) search.append('type', kind)
  if (query.key) search.set('key', query.key)
  const text = search.toString()
  return `/v1/activities.csv${text && `?${text}`}`
}

/** A side of a diff: a long list shows its first entries, and how many follow. */
export function cut(text: string, most = 6): { text: string; more: number } {
  const entries = text.split(', ')
  if (entries.length <= most + 1) return { text, more: 0 }
  return { text: entries.slice(0, most).join(', '), more: entries.length - most }
}
