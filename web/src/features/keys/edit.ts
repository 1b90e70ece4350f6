import type { ProblemError } from '@/api/problem'
import type { Key, PermissionName } from '@/api/types'
import { accepted, type Entry, judgeEntries, mostEntries } from '@/lib/allowlist'

// The pop-up "Edit" as a reducer. Pure: the calls are made by EditKeyDialog.

/** editing: the form. saving: the request is on its way. changed: the key is another one by now. gone: it was deleted. */
export type Edit = {
  name: 'editing' | 'saving' | 'changed' | 'gone'
  /** The key as it was when the form was filled; its version goes with the request. */
  base: Key
  permissions: PermissionName[]
  /** Whitelist entries as they were typed, in the order of typing. */
  texts: string[]
  acknowledged: boolean
  trouble: ProblemError | null
}

export type Event =
  | { type: 'toggled'; permission: PermissionName; on: boolean }
  | { type: 'listed'; texts: string[] }
  | { type: 'acknowledged'; on: boolean }
  | { type: 'saving' }
  | { type: 'opened' } // the confirmation stands over the form
  | { type: 'refused'; problem: ProblemError }
  | { type: 'renewed'; key: Key; keep: boolean }

/** The order in which the permissions are shown. */
export const five: PermissionName[] = ['read', 'trade', 'funds_internal', 'funds_wallet', 'funds_external']

export function begin(key: Key): Edit {
  return {
    name: 'editing',
    base: key,
    permissions: key.permissions,
    texts: key.allowlist,
    acknowledged: false,
    trouble: null,
  }
}

export function reduce(state: Edit, event: Event): Edit {
  switch (event.type) {
    case 'toggled':
      return { ...state, permissions: withPermission(state.permissions, event.permission, event.on), trouble: null }
    case 'listed':
      return { ...state, texts: event.texts, trouble: null }
    case 'acknowledged':
      return { ...state, acknowledged: event.on }
    case 'saving':
      return { ...state, name: 'saving', trouble: null }
    case 'opened':
      return { ...state, name: 'editing' }
    case 'refused':
      return { ...state, name: nameAfter(event.problem.code), trouble: event.problem }
    case 'renewed':
      return event.keep ? rebased(state, event.key) : begin(event.key)
  }
}

/**
 * What this form changes, on top of the key as it is now. What the other one
 * changed stays: taking the form's whole content over would silently undo it.
 */
function rebased(state: Edit, key: Key): Edit {
  const { base } = state
  const removed = difference(state).allowlist?.removed ?? []
  const mine = judgeEntries(state.texts)
  return {
    ...begin(key),
    acknowledged: state.acknowledged,
    permissions: five.filter((p) => {
      const here = state.permissions.includes(p)
      return here === base.permissions.includes(p) ? key.permissions.includes(p) : here
    }),
    texts: [
      ...key.allowlist.filter((entry) => !removed.includes(entry)),
      ...state.texts.filter((_, i) => !base.allowlist.includes(mine[i]?.prefix ?? '')),
    ],
  }
}

function nameAfter(code: string): Edit['name'] {
  if (code === 'key_changed') return 'changed'
  return code === 'key_not_found' ? 'gone' : 'editing'
}

/** Read cannot be switched off. */
export function withPermission(all: PermissionName[], one: PermissionName, on: boolean): PermissionName[] {
  return five.filter((p) => p === 'read' || (p === one ? on : all.includes(p)))
}

/** What differs from the key: the "old > new" of the pop-up. */
export type Difference = {
  permissions: { old: PermissionName[]; now: PermissionName[] } | null
  allowlist: { old: string[]; now: string[]; added: string[]; removed: string[] } | null
}

export function difference(state: Edit): Difference {
  const { base, permissions } = state
  const now = accepted(judgeEntries(state.texts))
  const added = now.filter((p) => !base.allowlist.includes(p))
  const removed = base.allowlist.filter((p) => !now.includes(p))
  return {
    permissions: same(base.permissions, permissions) ? null : { old: base.permissions, now: permissions },
    allowlist: added.length + removed.length === 0 ? null : { old: base.allowlist, now, added, removed },
  }
}

function same(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((x) => b.includes(x))
}

/** Why the form cannot be saved as it stands; null when it can. */
export type Obstacle = 'invalid' | 'tooMany' | 'nothing'

export function obstacle(state: Edit): Obstacle | null {
  const found = listObstacle(judgeEntries(state.texts))
  if (found) return found
  const { permissions, allowlist } = difference(state)
  return permissions || allowlist ? null : 'nothing'
}

/** An entry that is left out without a word would let the wrong people in, or nobody. */
export function listObstacle(entries: Entry[]): 'invalid' | 'tooMany' | null {
  if (entries.some((e) => e.verdict === 'invalid')) return 'invalid'
  return accepted(entries).length > mostEntries ? 'tooMany' : null
}

/** The body of PATCH: the version that was seen, and only what changes. */
export function patch(state: Edit) {
  const { permissions, allowlist } = difference(state)
  return {
    version: state.base.version,
    ...(permissions ? { permissions: permissions.now } : {}),
    ...(allowlist ? { allowlist: allowlist.now } : {}),
  }
}
