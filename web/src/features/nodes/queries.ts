import { queryOptions } from '@tanstack/react-query'
import { answer, client } from '@/api/client'
import { toProblem } from '@/api/problem'
import type { Fleet } from '@/api/types'
import { type Sightings, sighted } from './condition'

/** How often the page looks. A node renews its lease about as often. */
const every = 2_000

/** The fleet, and which renewals were seen while somebody looked. */
export type Look = { fleet: Fleet; seen: Sightings }

/** Whether the page is not open, or not any more. Every other failure may pass. */
export const isShut = (error: unknown) => toProblem(error).code === 'operator_link_needed'

const queryKey = ['nodes']

/** The gateway nodes as they are now; read again and again while somebody looks. */
export const nodesQuery = queryOptions({
  queryKey,
  queryFn: async ({ signal, client: cache }): Promise<Look> => {
    const fleet = await answer(client.GET('/v1/nodes', { signal }))
    const before = cache.getQueryData<Look>(queryKey)?.seen ?? new Map()
    return { fleet, seen: sighted(before, fleet.nodes, Date.now()) }
  },
  staleTime: 0,
  gcTime: 0,
  refetchInterval: (query) => (query.state.error && isShut(query.state.error) ? false : every),
})

/** Uses the link up. What the server does not take as a token it refuses as any other. */
export const openNodes = (token: string) =>
  answer(client.POST('/v1/nodes/session', { body: { token: token.slice(0, 128) } }))

export const closeNodes = () => answer(client.DELETE('/v1/nodes/session'))
