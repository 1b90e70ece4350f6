import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query'
import { answer, client } from '@/api/client'
import { serverNow } from '@/lib/clock'
import { type Filter, queryOf } from './filter'

const limit = 50
type Cursor = number | undefined

/** Pages by the number of the last entry, so that new ones on top move nothing. */
export function activitiesQuery(filter: Filter) {
  return infiniteQueryOptions({
    queryKey: ['activities', filter],
    queryFn: ({ pageParam: cursor, signal }) =>
      answer(
        client.GET('/v1/activities', { params: { query: { ...queryOf(filter, serverNow()), cursor, limit } }, signal }),
      ),
    initialPageParam: undefined as Cursor,
    getNextPageParam: (last): Cursor => last.next,
    placeholderData: keepPreviousData,
  })
}

export function refusedQuery(id: string) {
  return infiniteQueryOptions({
    queryKey: ['refused', id, 'list'],
    queryFn: ({ pageParam: cursor, signal }) =>
      answer(client.GET('/v1/keys/{id}/refused-calls', { params: { path: { id }, query: { cursor, limit } }, signal })),
    initialPageParam: undefined as Cursor,
    getNextPageParam: (last): Cursor => last.next,
  })
}

export function keyQuery(id: string) {
  return queryOptions({
    queryKey: ['key', id],
    queryFn: ({ signal }) => answer(client.GET('/v1/keys/{id}', { params: { path: { id } }, signal })),
  })
}

/** Who did it: entries name members by their ids. */
export const membersQuery = queryOptions({
  queryKey: ['members'],
  queryFn: ({ signal }) => answer(client.GET('/v1/members', { signal })),
  staleTime: 60_000,
})
