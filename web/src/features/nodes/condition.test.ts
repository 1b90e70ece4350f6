import { describe, expect, it } from 'vitest'
import type { Fleet, GatewayNode } from '@/api/types'
import { conditionOf, hintOf, leaseLeft, rowsOf, sighted } from './condition'

const node = (over: Partial<GatewayNode> = {}): GatewayNode => ({
  id: 'node_a',
  name: 'gateway-a',
  state: 'live',
  applied: 7,
  behind: 0,
  leaseMs: 5000,
  leaseLeftMs: 4000,
  alone: false,
  startedAt: '2026-03-01T12:00:00.000Z',
  lastSeen: '2026-03-01T12:00:10.000Z',
  ...over,
})

const fleet = (...nodes: GatewayNode[]): Fleet => ({
  shared: true,
  newest: 7,
  confirmed: 7,
  endsAt: '2026-03-01T13:00:00.000Z',
  nodes,
})

const none = new Map()

describe('a lease', () => {
  it('is what the server says at the first look, and runs out from there', () => {
    const seen = sighted(none, [node()], 100_000)
    expect(leaseLeft(node(), seen, 100_000)).toBe(4000)
    expect(leaseLeft(node(), seen, 103_000)).toBe(1000)
    expect(leaseLeft(node(), seen, 109_000)).toBe(0)
  })

  it('is whole again when another renewal was seen', () => {
    const before = sighted(none, [node()], 100_000)
    const later = node({ lastSeen: '2026-03-01T12:00:12.000Z', leaseLeftMs: 4500 })
    expect(leaseLeft(later, sighted(before, [later], 102_000), 102_000)).toBe(4500)
  })

  // The mistake: a node whose clock is a minute slow looks dead for ever.
  it('does not hang on the clock of the node', () => {
    const slow = node({ leaseLeftMs: 0 })
    const before = sighted(none, [slow], 100_000)
    expect(conditionOf(slow, leaseLeft(slow, before, 100_000))).toBe('silent')
    const renewed = node({ leaseLeftMs: 0, lastSeen: '2026-03-01T12:00:12.000Z' })
    const left = leaseLeft(renewed, sighted(before, [renewed], 102_000), 102_000)
    expect(conditionOf(renewed, left)).toBe('serving')
    const fast = node({ leaseLeftMs: 5000 }) // a minute fast, and dead
    const still = sighted(sighted(none, [fast], 100_000), [fast], 106_000)
    expect(conditionOf(fast, leaseLeft(fast, still, 106_000))).toBe('silent')
  })

  it('is none of a node that may not serve', () => {
    for (const state of ['fenced', 'gone'] as const) {
      expect(leaseLeft(node({ state, leaseLeftMs: 4000 }), none, 0)).toBe(0)
    }
  })
})

describe('a node', () => {
  it('follows only with a lease and every change', () => {
    expect(conditionOf(node(), 1)).toBe('serving')
    expect(conditionOf(node({ behind: 2 }), 1)).toBe('behind')
    expect(conditionOf(node({ behind: 2 }), 0)).toBe('silent')
    expect(conditionOf(node({ state: 'fenced' }), 4000)).toBe('fenced')
    expect(conditionOf(node({ state: 'gone' }), 4000)).toBe('gone')
  })

  it('stands above the others when something is wrong, and below when it is gone', () => {
    const all = [
      node({ id: '1', name: 'b' }),
      node({ id: '2', name: 'gone', state: 'gone' }),
      node({ id: '3', name: 'fenced', state: 'fenced' }),
      node({ id: '4', name: 'a' }),
      node({ id: '5', name: 'behind', behind: 1 }),
      node({ id: '6', name: 'silent', leaseLeftMs: 0 }),
    ]
    const { there, gone } = rowsOf(fleet(...all), sighted(none, all, 0), 0)
    expect(there.map((row) => row.node.name)).toEqual(['fenced', 'silent', 'behind', 'a', 'b'])
    expect(gone.map((row) => row.node.name)).toEqual(['gone'])
  })

  it('has one hint at most', () => {
    const row = (n: GatewayNode, left = 1) => ({ node: n, left, condition: conditionOf(n, left) })
    expect(hintOf(row(node()), 3)).toBeNull()
    expect(hintOf(row(node({ alone: true })), 1)).toBeNull()
    expect(hintOf(row(node({ alone: true })), 2)).toBe('alone')
    expect(hintOf(row(node({ alone: true, behind: 1 })), 2)).toBe('behind')
    expect(hintOf(row(node({ state: 'gone', alone: true })), 2)).toBeNull()
  })
})
