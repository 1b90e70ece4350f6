import { expect, it } from 'vitest'
import { ProblemError } from '@/api/problem'
import type { Step } from '@/api/types'
import { begin, leadOf, reduce, usesPasskey } from './reducer'

const step = (over: Partial<Step> = {}): Step => ({
  id: 'pen_1',
  operation: 'edit',
  state: 'open',
  proof: 'second_factor',
  summary: 'edit key bot-1: + Trade',
  changes: [],
  factors: [{ id: 'fac_1', kind: 'passkey', label: 'laptop' }],
  factorId: 'fac_1',
  factorKind: 'passkey',
  createdAt: '2026-03-01T12:00:00.000Z',
  expiresAt: '2026-03-01T12:15:00.000Z',
  triesLeft: 5,
  sendsLeft: 0,
  ...over,
})

it('asks for the passkey where one was chosen, until a recovery code is typed instead', () => {
  const state = begin(step())
  expect(usesPasskey(state)).toBe(true)
  expect(usesPasskey(reduce(state, { type: 'recovery', on: true }))).toBe(false)
  expect(usesPasskey(begin(step({ factorKind: 'totp' })))).toBe(false)
})

it('can be tried again after the browser gave no passkey, and no try is counted', () => {
  const checking = reduce(begin(step()), { type: 'submit' })
  const problem = new ProblemError({ code: 'passkey_stopped' })
  expect(reduce(checking, { type: 'refused', problem })).toMatchObject({
    name: 'asking',
    trouble: problem,
    step: { triesLeft: 5 },
  })
})

it('says something else of a factor that is only being added', () => {
  expect(leadOf(step())).toBe('passkey')
  expect(leadOf(step({ proof: 'new_factor' }))).toBe('newPasskey')
  expect(leadOf(step({ proof: 'new_factor', factorKind: 'sms' }))).toBe('newPhone')
  expect(leadOf(step({ proof: 'new_factor', factorKind: 'totp' }))).toBe('totp')
})
