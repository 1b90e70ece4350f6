import type { Problem } from '@/api/types'

/** Codes that the console itself makes, beside those of the API. */
export type OwnCode = 'unreachable' | 'unreadable' | 'passkey_stopped' | 'passkey_known' | 'passkey_missing'

/**
 * The one error of every call. It is an answer of the API (RFC 9457), or says
 * that no answer came: code "unreachable" (network, server down) or
 * "unreadable" (something between answered).
 */
export class ProblemError extends Error {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly field: string | undefined
  readonly triesLeft: number | undefined
  readonly retryAfter: number | undefined
  readonly requestId: string | undefined
  /** The request only read, so that nothing can have changed. */
  readonly read: boolean

  constructor(p: Partial<Problem> & { code: string }, read = false) {
    super(p.detail ?? p.code)
    this.name = 'ProblemError'
    this.status = p.status ?? 0
    this.code = p.code
    this.detail = p.detail ?? ''
    this.field = p.field
    this.triesLeft = p.triesLeft
    this.retryAfter = p.retryAfter
    this.requestId = p.requestId
    this.read = read
  }

  /** No answer came, so it is unknown whether a change happened. */
  get silent(): boolean {
    return this.status === 0
  }
}

/** Any thrown value as a ProblemError; a fault of the console's own code is "unreadable". */
export function toProblem(error: unknown): ProblemError {
  return error instanceof ProblemError ? error : new ProblemError({ code: 'unreadable' })
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && typeof body.code === 'string'
}

/** Reads the body of an answer that is no success; read: to a request that only reads. */
export function problemOf(body: unknown, response: Response, read: boolean): ProblemError {
  if (isProblem(body)) return new ProblemError(body, read)
  const requestId = response.headers.get('X-Request-Id') ?? undefined
  return new ProblemError({ code: 'unreadable', status: response.status, requestId }, read)
}
