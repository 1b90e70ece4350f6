import { queryOptions } from '@tanstack/react-query'
import { answer, client } from '@/api/client'
import type { Key, KeySession, Keys, PermissionName } from '@/api/types'

/** All keys of the account and how many it may have. */
export const keysQuery = queryOptions({
  queryKey: ['keys'],
  queryFn: ({ signal }): Promise<Keys> => answer(client.GET('/v1/keys', { signal })),
})

/** The WebSocket sessions that are open with a key now. What was read before is old at once. */
export const liveQuery = (id: string) =>
  queryOptions({
    queryKey: ['live', id],
    queryFn: ({ signal }) => answer(client.GET('/v1/keys/{id}/sessions', { params: { path: { id } }, signal })),
    staleTime: 0,
  })

const ref = (key: Pick<Key, 'id'>) => ({ path: { id: key.id } })

/** The newest version of one key, past the cache. */
export const readKey = (id: string) => answer(client.GET('/v1/keys/{id}', { params: { path: { id } } }))

export type NewKey = { name: string; permissions: PermissionName[]; allowlist: string[] }

/** The same text a second time finds the pending that the first request opened, should its answer be lost. */
export const beginCreate = (body: NewKey, once: string) =>
  answer(client.POST('/v1/keys', { body, params: { header: { 'Idempotency-Key': once } } }))

export type Patch = { version: number; permissions?: PermissionName[]; allowlist?: string[] }

export const beginEdit = (key: Key, body: Patch) => answer(client.PATCH('/v1/keys/{id}', { params: ref(key), body }))

export const beginActivate = (key: Key) =>
  answer(client.POST('/v1/keys/{id}/activate', { params: ref(key), body: { version: key.version } }))

export const beginDelete = (key: Key) =>
  answer(client.DELETE('/v1/keys/{id}', { params: { ...ref(key), query: { version: key.version } } }))

export const deactivate = (key: Key) => answer(client.POST('/v1/keys/{id}/deactivate', { params: ref(key) }))

export const endKeySession = (key: Key, of: KeySession) =>
  answer(client.DELETE('/v1/keys/{id}/sessions/{session}', { params: { path: { id: key.id, session: of.id } } }))
