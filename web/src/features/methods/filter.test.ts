import { describe, expect, it } from 'vitest'
import type { Action } from '@/api/types'
import { allows, finds, grouped } from './filter'

const action = (name: string, over: Partial<Action> = {}): Action => ({
  name,
  group: 'Orders',
  purpose: 'Open or archived orders',
  permission: 'read',
  cost: 5,
  publicCost: 0,
  rest: true,
  ws: true,
  publicRest: false,
  publicWs: false,
  mutating: false,
  onBehalf: false,
  deprecated: false,
  ...over,
})

describe('the search', () => {
  it('finds words in any order, of the name, the purpose and the group', () => {
    const orders = action('get_my_orders')
    for (const typed of ['', 'orders', 'my_orders', 'my orders', 'ARCHIVED get', ' open  orders ']) {
      expect(finds(orders, typed), typed).toBe(true)
    }
    expect(finds(orders, 'orders trade')).toBe(false)
  })
})

describe('the filter', () => {
  it('shows what exactly this permission allows', () => {
    expect(allows(action('a'), 'read')).toBe(true)
    expect(allows(action('a', { permission: 'trade' }), 'read')).toBe(false)
    expect(allows(action('a', { permission: 'trade' }), undefined)).toBe(true)
  })
  it('shows what needs no key, whatever a key would need', () => {
    expect(allows(action('a', { publicWs: true }), 'public')).toBe(true)
    expect(allows(action('a'), 'public')).toBe(false)
  })
})

it('groups keep the order of the catalog', () => {
  const groups = grouped([action('a'), action('b', { group: 'Fees' }), action('c')])
  expect(groups.map(([name, of]) => [name, of.map((a) => a.name)])).toEqual([
    ['Orders', ['a', 'c']],
    ['Fees', ['b']],
  ])
})
