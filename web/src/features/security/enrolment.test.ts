import { describe, expect, it } from 'vitest'
import { ProblemError } from '@/api/problem'
import type { Outcome, Step } from '@/api/types'
import { type Enrolment, reduce, start } from './enrolment'

const step = (operation: Step['operation']): Step => ({
  id: 'pen_1',
  operation,
  state: 'open',
  proof: operation === 'validate_factor' ? 'new_factor' : 'second_factor',
  summary: 'add an authenticator app',
  changes: [],
  factors: [],
  createdAt: '2026-03-01T12:00:00.000Z',
  expiresAt: '2026-03-01T12:15:00.000Z',
  triesLeft: 5,
  sendsLeft: 3,
})
const outcome = (over: Partial<Outcome>): Outcome => ({ operation: 'validate_factor', ...over })
const sending: Enrolment = { name: 'sending' }

describe('adding a second factor', () => {
  it('goes straight to the proof of the new one where there is none yet', () => {
    expect(reduce(sending, { type: 'began', step: step('validate_factor') })).toMatchObject({ name: 'validating' })
  })
  it('keeps the form below while a factor that is there confirms first', () => {
    expect(reduce(sending, { type: 'began', step: step('enrol_factor') })).toEqual(start)
    const next = step('validate_factor')
    expect(reduce(start, { type: 'confirmed', outcome: outcome({ operation: 'enrol_factor', next }) })).toEqual({
      name: 'validating',
      step: next,
    })
  })
  it('shows the recovery codes that came with it, and ends only when they are saved', () => {
    const codes = reduce(start, { type: 'confirmed', outcome: outcome({ recoveryCodes: ['a', 'b'] }) })
    expect(codes).toEqual({ name: 'codes', codes: ['a', 'b'] })
    expect(reduce(codes, { type: 'back' })).toBe(codes)
    expect(reduce(codes, { type: 'submit' })).toBe(codes)
    expect(reduce(codes, { type: 'saved' })).toEqual({ name: 'done' })
  })
  it('ends at once when no codes came', () => {
    expect(reduce(start, { type: 'confirmed', outcome: outcome({}) })).toEqual({ name: 'done' })
  })
  it('is back at the form after a refusal, with the reason', () => {
    const problem = new ProblemError({ code: 'wrong_password' })
    expect(reduce(sending, { type: 'refused', problem })).toEqual({ name: 'asking', trouble: problem })
    expect(reduce({ name: 'validating', step: step('validate_factor') }, { type: 'back' })).toEqual(start)
  })
})
