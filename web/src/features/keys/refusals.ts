import { queryOptions } from '@tanstack/react-query'
import { answer, client } from '@/api/client'
import type { RefusedCall } from '@/api/types'

const hour = 3_600_000
const most = 200

/** The newest refused calls of a key. */
export function refusalsQuery(id: string) {
  return queryOptions({
    queryKey: ['refused', id, 'day'],
    queryFn: ({ signal }) =>
      answer(client.GET('/v1/keys/{id}/refused-calls', { params: { path: { id }, query: { limit: most } }, signal })),
    staleTime: 60_000,
  })
}

export type Day = { total: number; more: boolean; hours: number[] }

/** Counts what was refused in each of the last 24 hours, the newest hour last. */
export function lastDay(page: { items: Pick<RefusedCall, 'at'>[]; next?: number }, now: number): Day {
  const hours = Array<number>(24).fill(0)
  for (const { at } of page.items) {
    const slot = 23 - Math.floor(Math.max(0, now - Date.parse(at)) / hour)
    if (slot >= 0) hours[slot] = (hours[slot] ?? 0) + 1
  }
  const total = hours.reduce((sum, n) => sum + n, 0)
  return { total, more: total === page.items.length && page.next !== undefined, hours }
}
