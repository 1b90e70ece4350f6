import { describe, expect, it } from 'vitest'
import { ProblemError } from '@/api/problem'
import type { Step } from '@/api/types'
import { begin, complete, digits, type Event, endingAt, type Proof, reduce, timing } from './reducer'

const sent = Date.parse('2026-03-01T12:00:00Z')
const at = (seconds: number) => new Date(sent + seconds * 1000).toISOString()

const sms: Step = {
  id: 'pen_1',
  operation: 'edit',
  state: 'open',
  proof: 'second_factor',
  summary: 'edit key bot-1: + Trade',
  changes: [],
  factors: [
    { id: 'fac_app', kind: 'totp', label: 'Authenticator app' },
    { id: 'fac_phone', kind: 'sms', label: '+353 ... 678' },
  ],
  factorId: 'fac_phone',
  factorKind: 'sms',
  createdAt: at(0),
  expiresAt: at(900),
  codeExpiresAt: at(300),
  resendAt: at(120),
  triesLeft: 5,
  sendsLeft: 2,
}

const refusal = (code: string, more: object = {}): Event => ({
  type: 'refused',
  problem: new ProblemError({ code, status: 409, ...more }),
})

const run = (from: Proof, ...events: Event[]) => events.reduce(reduce, from)
const checking = (step = sms) => run(begin(step), { type: 'typed', code: '123456' }, { type: 'submit' })

describe('beginning', () => {
  it('asks for the code of the factor that is chosen', () => expect(begin(sms).name).toBe('asking'))
  it('asks which factor when none is chosen', () => {
    const { factorKind: _kind, factorId: _id, ...open } = sms
    expect(begin(open).name).toBe('choosing')
  })
  it.each([
    ['confirmed', 'confirmed'],
    ['cancelled', 'closed'],
    ['dead', 'dead'],
    ['void', 'changed'],
  ] as const)('a linked pending that is %s is over', (state, ending) => {
    expect(begin({ ...sms, state })).toMatchObject({ name: 'over', ending })
  })
})

describe('a wrong code', () => {
  it('says how many tries are left and empties the field', () => {
    const after = run(checking(), refusal('wrong_code', { triesLeft: 4 }))
    expect(after).toMatchObject({ name: 'asking', code: '', step: { triesLeft: 4 } })
    expect(after.trouble?.code).toBe('wrong_code')
  })
  it('a code that was used before costs a try, too', () => {
    const after = run(checking(), refusal('code_used', { triesLeft: 3 }))
    expect(after).toMatchObject({ name: 'asking', code: '', step: { triesLeft: 3 } })
  })
  it('the fifth ends the pending, and nothing moves it afterwards', () => {
    const dead = run(checking(), refusal('pending_dead', { triesLeft: 0 }))
    expect(dead).toMatchObject({ name: 'over', ending: 'dead' })
    expect(run(dead, { type: 'typed', code: '1' }, { type: 'submit' }, { type: 'send' })).toBe(dead)
  })
})

it.each([
  ['pending_expired', 'waited'],
  ['pending_cancelled', 'closed'],
  ['pending_closed', 'closed'],
  ['pending_confirmed', 'confirmed'],
  ['other_session', 'session'],
  ['not_found', 'session'],
  ['key_changed', 'changed'],
  ['key_not_found', 'changed'],
  ['name_taken', 'refused'],
  ['too_many_keys', 'refused'],
] as const)('%s ends it as "%s"', (code, ending) => {
  expect(run(checking(), refusal(code))).toMatchObject({ name: 'over', ending })
})

describe('no answer', () => {
  it('keeps what was typed, for another try', () => {
    const after = run(checking(), { type: 'refused', problem: new ProblemError({ code: 'unreachable' }) })
    expect(after).toMatchObject({ name: 'asking', code: '123456' })
  })
})

describe('the life of a code', () => {
  it.each([
    [0, { expired: false, resend: false, resendIn: 120_000 }],
    [119, { expired: false, resend: false, resendIn: 1000 }],
    [120, { expired: false, resend: true, resendIn: null }],
    [299, { expired: false, resend: true, resendIn: null }],
    [300, { expired: true, resend: true, resendIn: null }],
  ])('after %i seconds', (seconds, want) => {
    expect(timing(begin(sms), sent + seconds * 1000)).toMatchObject(want)
  })
  it('without sends left there is no Resend, also when it has expired', () => {
    const { resendAt: _at, ...last } = { ...sms, sendsLeft: 0 }
    expect(timing(begin(last), sent + 200_000)).toMatchObject({ resend: false, resendIn: null })
    expect(timing(begin(last), sent + 400_000)).toMatchObject({ expired: true, resend: false })
  })
  it('an authenticator app has no countdown', () => {
    const { codeExpiresAt: _at, ...app } = { ...sms, factorKind: 'totp' as const }
    expect(timing(begin(app), sent)).toEqual({ codeLeft: null, expired: false, resend: false, resendIn: null })
  })
  it('what the server calls expired is expired, whatever the clock here says', () => {
    const after = run(checking(), refusal('code_expired'))
    expect(timing(after, sent)).toMatchObject({ expired: true, resend: true })
    expect(after.code).toBe('')
  })
  it('another code starts a new life and empties the field', () => {
    const again = { ...sms, codeExpiresAt: at(450), resendAt: at(270), sendsLeft: 1 }
    const after = run(
      begin(sms),
      { type: 'typed', code: '12' },
      { type: 'send' },
      { type: 'stepped', step: again, sent: true },
    )
    expect(after).toMatchObject({ name: 'asking', code: '', resent: 1 })
    expect(timing(after, sent + 300_000).expired).toBe(false)
  })
  it('the pending is over after fifteen minutes without anybody saying so', () => {
    expect(endingAt(begin(sms), sent + 899_000)).toBeNull()
    expect(endingAt(begin(sms), sent + 900_000)).toBe('waited')
  })
})

it('a factor that was removed meanwhile leads to the others', () => {
  expect(run(checking(), refusal('factor_not_found')).name).toBe('choosing')
  expect(run(checking({ ...sms, factors: sms.factors.slice(0, 1) }), refusal('factor_not_found')).name).toBe('over')
})

it.each([
  ['123456', '123456'],
  [' 123 456\n', '123456'],
  ['Your code is 123-456.', '123456'],
  ['１２３４５６', '123456'],
  ['12345678', '123456'],
  ['abc', ''],
])('a paste of %j gives %j', (text, code) => expect(digits(text)).toBe(code))

it('a recovery code has 24 letters and digits, a former one 16, however it is written', () => {
  const code = ' 3k9m-x0qp-7wzr-h2dt-5c8j-e6nv '
  const state = run(begin(sms), { type: 'recovery', on: true }, { type: 'typed', code })
  expect(complete(state)).toBe(true)
  expect(complete({ ...state, code: '3K9M X0QP 7WZR H2DT 5C8J E6NV' })).toBe(true)
  expect(complete({ ...state, code: '3k9m-x0qp-7wzr-h2dt' })).toBe(true)
  for (const short of ['3k9m', '3k9m-x0qp-7wzr-h2dt-5c8j', `${code}x`]) {
    expect(complete({ ...state, code: short })).toBe(false)
  }
})
