import { queryOptions } from '@tanstack/react-query'
import { answer, client } from '@/api/client'
import type { Session } from '@/api/types'

export const sessionsQuery = queryOptions({
  queryKey: ['sessions'],
  queryFn: ({ signal }) => answer(client.GET('/v1/sessions', { signal })),
})

/** What the member wants to add. */
export type Wanted = { kind: 'totp' } | { kind: 'sms'; phone: string } | { kind: 'passkey'; label: string }

const header = (once: string) => ({ header: { 'Idempotency-Key': once } })

/** The same text in `once` finds the pending that an earlier request opened, should its answer be lost. */
export const beginEnrol = (wanted: Wanted, password: string, once: string) =>
  answer(client.POST('/v1/factors', { body: { ...wanted, password }, params: header(once) }))

export const beginRemoval = (id: string, password: string) =>
  answer(client.POST('/v1/factors/{id}/remove', { params: { path: { id } }, body: { password } }))

export const beginRenewal = (password: string, once: string) =>
  answer(client.POST('/v1/recovery-codes', { body: { password }, params: header(once) }))

export const changePassword = (body: { password: string; newPassword: string }) =>
  answer(client.PUT('/v1/password', { body }))

export const endSession = (session: Session) =>
  answer(client.DELETE('/v1/sessions/{id}', { params: { path: { id: session.id } } }))

export const signOut = () => answer(client.DELETE('/v1/session'))
