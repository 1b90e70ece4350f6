import { QueryClient, queryOptions } from '@tanstack/react-query'
import { answer, client } from '@/api/client'
import { isArmed, sessionLost } from '@/api/gate'
import { ProblemError } from '@/api/problem'
import type { Step, WhoAmI } from '@/api/types'

// What several features read. The first element of a query key is the noun.

/** The one cache. `networkMode: always` makes a missing network an error at once and not an endless wait. */
export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { retry: false, staleTime: 15_000, networkMode: 'always' },
      mutations: { retry: false, networkMode: 'always', gcTime: 0 },
    },
  })
}

/**
 * Who is signed in; null when nobody is. Once somebody was, the end of the
 * session opens the pop-up that asks for the sign-in, and the member who is
 * asked for stays known: a failed reading keeps what was read before.
 */
export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async ({ signal }): Promise<WhoAmI | null> => {
    const me = (await answer(client.GET('/v1/session', { signal }))) ?? null // 204: nobody
    if (me?.session.full || !isArmed()) return me
    sessionLost.set(true)
    throw new ProblemError({ code: 'not_signed_in', status: 401 })
  },
  staleTime: 60_000,
})

/** The catalog changes with the program only. */
export const catalogQuery = queryOptions({
  queryKey: ['catalog'],
  queryFn: ({ signal }) => answer(client.GET('/v1/catalog', { signal })),
  staleTime: Number.POSITIVE_INFINITY,
})

export const factorsQuery = queryOptions({
  queryKey: ['factors'],
  queryFn: ({ signal }) => answer(client.GET('/v1/factors', { signal })),
})

/** A pending of this session. It is changed by its own answers only, so it never turns stale. */
export function pendingQuery(id: string) {
  return queryOptions({
    queryKey: ['pending', id],
    queryFn: ({ signal }): Promise<Step> =>
      answer(client.GET('/v1/pending/{id}', { params: { path: { id } }, signal })),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  })
}

/** What a change made here does not touch. Refused calls are the gateway's, and a deleted key has none to ask for. */
const untouched: unknown[] = ['catalog', 'pending', 'refused']

/** After something has changed: everything else may be different now. */
export function refresh(cache: QueryClient): Promise<void> {
  return cache.invalidateQueries({ predicate: (q) => !untouched.includes(q.queryKey[0]) })
}
