import createClient from 'openapi-fetch'
import { gateTurn, holds, signedInAgain } from '@/api/gate'
import { ProblemError, problemOf } from '@/api/problem'
import type { paths } from '@/api/schema'
import { noteServerTime } from '@/lib/clock'
import { signal } from '@/lib/signal'

/** False after a request that got no answer at all, until one gets through. */
export const reachable = signal(true)

/** Answers to requests that change nothing (RFC 9110, 9.2.1). */
const reads = new WeakSet<Response>()

async function ask(request: Request): Promise<Response> {
  try {
    const response = await fetch(request)
    // A proxy that finds no server behind it answers in its place.
    reachable.set(response.status !== 502 && response.status !== 504)
    if (request.method === 'GET') reads.add(response)
    noteServerTime(response.headers.get('Date'))
    return response
  } catch (error) {
    if (request.signal.aborted) throw error
    reachable.set(false)
    throw new ProblemError({ code: 'unreachable' })
  }
}

/** Sends a request; where the session has ended, waits for the next one and sends it again. */
export async function patientFetch(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  // A member's sign-in does not open the operator's page.
  const asksWho = pathname === '/v1/session' || pathname.startsWith('/v1/nodes')
  for (;;) {
    const again = request.clone()
    const held = holds()
    const turn = gateTurn()
    const response = await ask(request)
    if (response.status !== 401 || asksWho || !held) return response
    // An answer to the session before may come after the new sign-in.
    if (turn === gateTurn()) await signedInAgain(request.signal)
    request = again
  }
}

/** The typed client. Calls go through `answer`, which throws a ProblemError for every failure. */
export const client = createClient<paths>({ baseUrl: location.origin, fetch: patientFetch })

type Sent<T> = Promise<{ data?: T; error?: unknown; response: Response }>

/** The body of a success: `await answer(client.GET('/v1/keys'))`. */
export async function answer<T>(sent: Sent<T>): Promise<T> {
  let got: Awaited<Sent<T>>
  try {
    got = await sent
  } catch (error) {
    if (error instanceof ProblemError || (error instanceof DOMException && error.name === 'AbortError')) throw error
    throw new ProblemError({ code: 'unreadable' }) // not JSON, or cut off
  }
  if (!got.response.ok) throw problemOf(got.error, got.response, reads.has(got.response))
  return got.data as T // undefined for 204, where T has no body
}
