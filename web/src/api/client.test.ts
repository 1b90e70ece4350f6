import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { answer, client, reachable } from '@/api/client'
import { armGate, disarmGate, openGate, sessionLost } from '@/api/gate'
import { ProblemError } from '@/api/problem'
import { makeQueryClient, sessionQuery } from '@/api/queries'

const json = (body: unknown, status = 200) =>
  new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })
const lost = () => json({ code: 'session_ended', detail: 'sign in again', status: 401, requestId: 'req_1' }, 401)
const server = vi.fn<(request: Request) => Promise<Response>>()

beforeEach(() => {
  server.mockReset()
  vi.stubGlobal('fetch', server)
})
afterEach(() => {
  disarmGate()
  vi.unstubAllGlobals()
})

const edit = () =>
  answer(client.PATCH('/v1/keys/{id}', { params: { path: { id: 'lk_1' } }, body: { version: 3, allowlist: [] } }))

it('a request that meets the end of the session waits for the sign-in and is sent again, body and all', async () => {
  armGate()
  server.mockResolvedValueOnce(lost()).mockResolvedValueOnce(json({ id: 'pen_1' }, 202))
  const done = edit()
  await vi.waitFor(() => expect(sessionLost.get()).toBe(true))
  expect(server).toHaveBeenCalledTimes(1)
  openGate()
  expect(await done).toEqual({ id: 'pen_1' })
  const bodies = await Promise.all(server.mock.calls.map(([request]) => request.json()))
  expect(bodies[1]).toEqual({ version: 3, allowlist: [] })
})

it('before anybody has signed in, a 401 is an answer', async () => {
  server.mockResolvedValue(lost())
  await expect(edit()).rejects.toMatchObject({ code: 'session_ended', status: 401 })
  expect(sessionLost.get()).toBe(false)
})

it('what is asked while the pop-up is open is not held: the sign-in itself must get its answers', async () => {
  armGate()
  sessionLost.set(true)
  server.mockResolvedValue(lost())
  await expect(edit()).rejects.toMatchObject({ status: 401 })
})

it('a request that its view gave up does not wait', async () => {
  armGate()
  server.mockResolvedValue(lost())
  const gone = new AbortController()
  const asked = answer(client.GET('/v1/keys', { signal: gone.signal }))
  await vi.waitFor(() => expect(sessionLost.get()).toBe(true))
  gone.abort()
  await expect(asked).rejects.toMatchObject({ name: 'AbortError' })
})

it('says that no answer came, and that one comes again', async () => {
  server.mockRejectedValueOnce(new TypeError('Failed to fetch'))
  await expect(edit()).rejects.toMatchObject({ code: 'unreachable', silent: true })
  expect(reachable.get()).toBe(false)
  server.mockResolvedValueOnce(json({ id: 'pen_1' }, 202))
  await edit()
  expect(reachable.get()).toBe(true)
})

it('what is no problem of the API is still one error, with the number to name', async () => {
  const page = new Response('<h1>Bad Gateway</h1>', { status: 500, headers: { 'X-Request-Id': 'req_9' } })
  server.mockResolvedValueOnce(page)
  const error = await edit().catch((e: unknown) => e)
  expect(error).toBeInstanceOf(ProblemError)
  expect(error).toMatchObject({ code: 'unreadable', status: 500, requestId: 'req_9' })
})

it('a look at who is signed in finds the end of the session, and keeps who it was', async () => {
  const cache = makeQueryClient()
  const me = { session: { full: true }, member: { email: 'owner@example.com' } }
  server.mockResolvedValueOnce(json(me))
  await cache.fetchQuery(sessionQuery)
  armGate()
  server.mockResolvedValueOnce(new Response(null, { status: 204 }))
  await cache.refetchQueries({ queryKey: sessionQuery.queryKey })
  expect(sessionLost.get()).toBe(true)
  expect(cache.getQueryData(sessionQuery.queryKey)).toEqual(me)
})

it('before anybody has signed in, nobody is nobody', async () => {
  server.mockResolvedValueOnce(new Response(null, { status: 204 }))
  expect(await makeQueryClient().fetchQuery(sessionQuery)).toBeNull()
})

it('a fault of the server tells a request that only read from one that may have changed something', async () => {
  server.mockImplementation(async () => json({ code: 'internal_error', status: 500 }, 500))
  await expect(answer(client.GET('/v1/keys'))).rejects.toMatchObject({ code: 'internal_error', read: true })
  await expect(edit()).rejects.toMatchObject({ code: 'internal_error', read: false })
})
