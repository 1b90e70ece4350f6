import type { ProblemError } from '@/api/problem'
import type { Key, PermissionName } from '@/api/types'
import { accepted, judgeEntries } from '@/lib/allowlist'
import { listObstacle, withPermission } from './edit'
import type { NewKey } from './queries'

// The pop-up "New key" as a reducer. Pure: the calls are made by NewKeyDialog.

/** form: what the key may do. saving: the request is on its way. secret: it exists; its secret is shown this once. */
export type Create =
  | { name: 'form' | 'saving'; form: Form; trouble: ProblemError | null }
  | { name: 'secret'; key: Key; secret: string; saved: boolean }

export type Form = { name: string; permissions: PermissionName[]; texts: string[] }

export type Event =
  | { type: 'named'; name: string }
  | { type: 'toggled'; permission: PermissionName; on: boolean }
  | { type: 'listed'; texts: string[] }
  | { type: 'saving' }
  | { type: 'opened' }
  | { type: 'refused'; problem: ProblemError }
  | { type: 'created'; key: Key; secret: string }
  | { type: 'saved'; on: boolean }

export const first: Create = { name: 'form', form: { name: '', permissions: ['read'], texts: [] }, trouble: null }

export function reduce(state: Create, event: Event): Create {
  if (event.type === 'created') return { name: 'secret', key: event.key, secret: event.secret, saved: false }
  // Nothing but the tick changes the step that shows the secret.
  if (state.name === 'secret') return event.type === 'saved' ? { ...state, saved: event.on } : state
  const { form } = state
  switch (event.type) {
    case 'named':
      return { ...state, form: { ...form, name: event.name }, trouble: null }
    case 'toggled':
      return {
        ...state,
        form: { ...form, permissions: withPermission(form.permissions, event.permission, event.on) },
        trouble: null,
      }
    case 'listed':
      return { ...state, form: { ...form, texts: event.texts }, trouble: null }
    case 'saving':
      return { ...state, name: 'saving', trouble: null }
    case 'opened':
      return { ...state, name: 'form' }
    case 'refused':
      return { ...state, name: 'form', trouble: event.problem }
    case 'saved':
      return state
  }
}

export function obstacle(form: Form): 'unnamed' | 'invalid' | 'tooMany' | null {
  if (form.name.trim() === '') return 'unnamed'
  return listObstacle(judgeEntries(form.texts))
}

export function body(form: Form): NewKey {
  return { name: form.name.trim(), permissions: form.permissions, allowlist: accepted(judgeEntries(form.texts)) }
}

/** The file that a bot reads: the names that `latchkey call --env` takes. */
export function envFile(key: Key, secret: string, gateway: string | undefined): string {
  const where = gateway ? `LATCHKEY_GATEWAY=${gateway}\n` : ''
  return `# API key of Latchkey, created ${key.createdAt}\n${where}LATCHKEY_KEY=${key.id}\nLATCHKEY_SECRET=${secret}\n`
}

/** A file name of the key's name: letters and digits of any language, the rest as one dash. */
export function envName(key: Key): string {
  return `${key.name.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '') || key.id}.env`
}
