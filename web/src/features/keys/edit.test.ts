import { describe, expect, it } from 'vitest'
import { ProblemError } from '@/api/problem'
import type { Key } from '@/api/types'
import { begin, difference, type Edit, type Event, obstacle, patch, reduce } from './edit'

const key: Key = {
  id: 'lk_1',
  name: 'bot-1',
  status: 'active',
  permissions: ['read', 'trade'],
  allowlist: ['8.8.8.8', '9.9.9.0/24'],
  version: 3,
  createdAt: '2026-03-01T12:00:00.000Z',
  updatedAt: '2026-03-01T12:00:00.000Z',
}

const run = (...events: Event[]): Edit => events.reduce(reduce, begin(key))
const refusal = (code: string): Event => ({ type: 'refused', problem: new ProblemError({ code, status: 409 }) })

it('opens with the values of the key, and nothing to save', () => {
  expect(begin(key)).toMatchObject({
    permissions: ['read', 'trade'],
    texts: ['8.8.8.8', '9.9.9.0/24'],
    acknowledged: false,
  })
  expect(obstacle(begin(key))).toBe('nothing')
})

describe('permissions', () => {
  it('are switched on and off, in their order', () => {
    const state = run(
      { type: 'toggled', permission: 'funds_external', on: true },
      { type: 'toggled', permission: 'funds_internal', on: true },
    )
    expect(state.permissions).toEqual(['read', 'trade', 'funds_internal', 'funds_external'])
  })
  it('Read cannot be switched off', () => {
    expect(run({ type: 'toggled', permission: 'read', on: false }).permissions).toEqual(['read', 'trade'])
  })
  it('off and on again is no change', () => {
    const state = run(
      { type: 'toggled', permission: 'trade', on: false },
      { type: 'toggled', permission: 'trade', on: true },
    )
    expect(obstacle(state)).toBe('nothing')
  })
})

describe('the whitelist', () => {
  it('shows what is added and removed', () => {
    expect(difference(run({ type: 'listed', texts: ['9.9.9.0/24', '1.1.1.1'] })).allowlist).toMatchObject({
      added: ['1.1.1.1'],
      removed: ['8.8.8.8'],
    })
  })
  it('another order, another spelling and duplicates are no change', () => {
    const state = run({ type: 'listed', texts: ['9.9.9.0/24', '8.8.8.8/32', '8.8.8.8'] })
    expect(difference(state).allowlist).toBeNull()
    expect(obstacle(state)).toBe('nothing')
  })
  it('with an invalid entry nothing can be saved, also when something else changes', () => {
    const state = run(
      { type: 'listed', texts: ['8.8.8.8', '300.1.1.1'] },
      { type: 'toggled', permission: 'trade', on: false },
    )
    expect(obstacle(state)).toBe('invalid')
  })
  it('takes a thousand entries and not one more', () => {
    const many = (n: number) => Array.from({ length: n }, (_, i) => `8.8.${i >> 8}.${i & 255}`)
    expect(obstacle(run({ type: 'listed', texts: many(1000) }))).toBeNull()
    expect(obstacle(run({ type: 'listed', texts: many(1001) }))).toBe('tooMany')
  })
})

describe('the request', () => {
  it('names the version that was seen and only what changes', () => {
    expect(patch(run({ type: 'toggled', permission: 'trade', on: false }))).toEqual({
      version: 3,
      permissions: ['read'],
    })
    expect(patch(run({ type: 'listed', texts: [] }))).toEqual({ version: 3, allowlist: [] })
  })
})

describe('when the key was changed elsewhere', () => {
  const theirs: Key = { ...key, version: 4, status: 'inactive', permissions: ['read'], allowlist: ['8.8.8.8'] }
  const changed = () =>
    run(
      { type: 'listed', texts: ['8.8.8.8'] },
      { type: 'acknowledged', on: true },
      { type: 'saving' },
      refusal('key_changed'),
    )
  it('the form stays as it was', () => {
    expect(changed()).toMatchObject({ name: 'changed', texts: ['8.8.8.8'], acknowledged: true })
  })
  it('it can go on from the newer key with what was entered, and what the other changed stays', () => {
    const mine = run(
      { type: 'toggled', permission: 'funds_wallet', on: true },
      { type: 'listed', texts: ['9.9.9.0/24', '1.1.1.1', '300.1.1.1'] }, // 8.8.8.8 removed
      refusal('key_changed'),
    )
    const other: Key = { ...theirs, allowlist: ['7.7.7.7', '8.8.8.8'] } // Trade off, 9.9.9.0/24 removed, 7.7.7.7 added
    const next = reduce(mine, { type: 'renewed', key: other, keep: true })
    expect(next).toMatchObject({ name: 'editing', permissions: ['read', 'funds_wallet'] })
    expect(next.texts).toEqual(['7.7.7.7', '1.1.1.1', '300.1.1.1'])
  })
  it('what both changed alike is no change any more', () => {
    const next = reduce(changed(), { type: 'renewed', key: { ...theirs, permissions: ['read', 'trade'] }, keep: true })
    expect(obstacle(next)).toBe('nothing')
  })
  it('or without', () => {
    expect(reduce(changed(), { type: 'renewed', key: theirs, keep: false })).toEqual(begin(theirs))
  })
  it('a deleted key cannot be edited any more', () => {
    expect(run({ type: 'saving' }, refusal('key_not_found')).name).toBe('gone')
  })
})

it('server down during Save: the form stays, and says so until the next change', () => {
  const down = run(
    { type: 'toggled', permission: 'trade', on: false },
    { type: 'saving' },
    { type: 'refused', problem: new ProblemError({ code: 'unreachable' }) },
  )
  expect(down).toMatchObject({ name: 'editing', permissions: ['read'] })
  expect(down.trouble?.code).toBe('unreachable')
  expect(reduce(down, { type: 'saving' }).trouble).toBeNull()
})
