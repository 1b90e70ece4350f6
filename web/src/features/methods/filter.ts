import type { Action } from '@/api/types'

// What of the catalog is shown. Pure.

/** A permission's name, or "public" for what can be called without a key. */
export type Choice = NonNullable<Action['permission']> | 'public'

export function allows(action: Action, choice: Choice | undefined): boolean {
  if (choice === undefined) return true
  return choice === 'public' ? action.publicRest || action.publicWs : action.permission === choice
}

/** Every word that was typed must stand in the name, the purpose or the group. */
export function finds(action: Action, typed: string): boolean {
  const text = `${action.name} ${action.name.replaceAll('_', ' ')} ${action.purpose} ${action.group}`.toLowerCase()
  return typed
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}

/** The groups in the order of the catalog, each with its methods; empty ones are left out. */
export function grouped(actions: Action[]): [group: string, actions: Action[]][] {
  const groups = new Map<string, Action[]>()
  for (const action of actions) groups.set(action.group, [...(groups.get(action.group) ?? []), action])
  return [...groups]
}

/** How a method can be reached, with a key or without. */
export function transports(action: Action): { rest: boolean; ws: boolean } {
  return { rest: action.rest || action.publicRest, ws: action.ws || action.publicWs }
}
