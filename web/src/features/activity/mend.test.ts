import { expect, it } from 'vitest'
import type { Action, Key, RefusedCall } from '@/api/types'
import { mendOf, runs } from './mend'

const at = '2026-03-01T12:00:00.000Z'
const key: Key = {
  id: 'lk_1',
  name: 'bot-1',
  status: 'active',
  permissions: ['read'],
  allowlist: [],
  version: 1,
  createdAt: at,
  updatedAt: at,
}
const call = (reason: string): RefusedCall => ({
  seq: 1,
  at,
  action: 'do_my_new_order',
  ip: '203.0.113.9',
  reason,
  detail: '',
  requestId: 'req_1',
})
const order: Action = {
  name: 'do_my_new_order',
  group: 'Orders',
  purpose: '',
  permission: 'trade',
  cost: 1,
  publicCost: 0,
  rest: true,
  ws: true,
  publicRest: false,
  publicWs: false,
  mutating: true,
  onBehalf: false,
  deprecated: false,
}
const mend = (reason: string, over: Partial<Key> = {}, actions = [order]) =>
  mendOf(call(reason), { ...key, ...over }, actions)

it('names the permission that the method needs, and the switch', () => {
  expect(mend('permission_missing')).toMatchObject({ text: 'permission_missing', permission: 'trade' })
  expect(mend('permission_missing').steps[0]).toBe('edit')
})

it('says when the key has been mended since', () => {
  expect(mend('permission_missing', { permissions: ['read', 'trade'] })).toEqual({
    text: 'nowPermitted',
    steps: [],
    permission: 'trade',
  })
  expect(mend('key_not_activated')).toEqual({ text: 'nowActive', steps: [] })
})

it('leads to the activation of a key that is still inactive', () => {
  expect(mend('key_not_activated', { status: 'inactive' }).steps).toEqual(['activate'])
})

it('offers to stop a key that a stranger uses, while it can be stopped', () => {
  expect(mend('ip_not_allowed').steps).toContain('deactivate')
  expect(mend('ip_not_allowed', { status: 'inactive' }).steps).toEqual(['edit'])
})

it('has words for a method and a reason that it does not know', () => {
  expect(mend('permission_missing', {}, []).text).toBe('permissionUnknown')
  expect(mend('a_new_reason')).toEqual({ text: 'other', steps: [] })
})

it('puts neighbours with one reason together, and keeps the order', () => {
  const detail = (text: string, seq: number) => ({ ...call('permission_missing'), detail: text, seq })
  const found = runs([detail('a', 5), detail('a', 4), detail('b', 3), detail('a', 2)])
  expect(found.map((run) => run.map((c) => c.seq))).toEqual([[5, 4], [3], [2]])
  expect(runs([])).toEqual([])
})
