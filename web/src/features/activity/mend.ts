import type { Action, Key, PermissionName, RefusedCall } from '@/api/types'

// What would let a refused call through, and where that is done. Pure.

export type Step = 'activate' | 'deactivate' | 'edit' | 'new' | 'method' | 'methods'

export type Mend = {
  /** Key of the text under "mend". */
  text:
    | 'unauthorized'
    | 'timestamp_out_of_range'
    | 'key_state_changing'
    | 'key_not_activated'
    | 'nowActive'
    | 'ip_not_allowed'
    | 'permission_missing'
    | 'permissionUnknown'
    | 'nowPermitted'
    | 'rate_limited'
    | 'replayed'
    | 'unavailable'
    | 'other'
  steps: Step[]
  permission?: PermissionName
  /** For the step "method". */
  method?: string
}

/** key: as it is now, which may be another state than the call met. */
export function mendOf(call: RefusedCall, key: Key, actions: Action[]): Mend {
  switch (call.reason) {
    case 'unauthorized':
      return { text: 'unauthorized', steps: ['new'] }
    case 'timestamp_out_of_range':
      return { text: 'timestamp_out_of_range', steps: ['method'], method: 'get_server_time' }
    case 'key_not_activated':
      return key.status === 'active'
        ? { text: 'nowActive', steps: [] }
        : { text: 'key_not_activated', steps: ['activate'] }
    case 'ip_not_allowed':
      return { text: 'ip_not_allowed', steps: key.status === 'active' ? ['edit', 'deactivate'] : ['edit'] }
    case 'permission_missing':
      return permission(call, key, actions)
    case 'rate_limited':
      return { text: 'rate_limited', steps: ['methods'] }
    case 'replayed':
      return { text: 'replayed', steps: ['method'], method: call.action }
    case 'key_state_changing':
      return { text: 'key_state_changing', steps: [] }
    case 'unavailable':
      return { text: 'unavailable', steps: [] }
    default:
      return { text: 'other', steps: [] }
  }
}

function permission(call: RefusedCall, key: Key, actions: Action[]): Mend {
  const needed = actions.find((a) => a.name === call.action)?.permission
  if (!needed) return { text: 'permissionUnknown', steps: ['edit'] }
  if (key.permissions.includes(needed)) return { text: 'nowPermitted', steps: [], permission: needed }
  return { text: 'permission_missing', steps: ['edit', 'method'], permission: needed, method: call.action }
}

/** Neighbours that were refused for the same reason with the same words: one thing mends them. */
export function runs(calls: RefusedCall[]): [RefusedCall, ...RefusedCall[]][] {
  const out: [RefusedCall, ...RefusedCall[]][] = []
  for (const call of calls) {
    const last = out.at(-1)
    if (last && last[0].reason === call.reason && last[0].detail === call.detail) last.push(call)
    else out.push([call])
  }
  return out
}
