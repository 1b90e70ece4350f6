import type { Fleet, GatewayNode } from '@/api/types'

// What becomes of a node's facts in the eyes of people. Pure.

export type Condition = 'serving' | 'behind' | 'silent' | 'fenced' | 'gone'

/** When a renewal was seen, in this browser's milliseconds. */
export type Sighting = { lastSeen: string; at: number }
export type Sightings = ReadonlyMap<string, Sighting>

/**
 * Notes which nodes have renewed since the last look. A node writes the moment by
 * its own clock, which may differ from the server's; that it wrote another one
 * since is certain.
 */
export function sighted(before: Sightings, nodes: GatewayNode[], now: number): Sightings {
  return new Map(
    nodes.map((node) => {
      const known = before.get(node.id)
      if (known?.lastSeen === node.lastSeen) return [node.id, known]
      const old = node.leaseLeftMs > 0 || !known ? node.leaseMs - node.leaseLeftMs : 0
      return [node.id, { lastSeen: node.lastSeen, at: now - old }]
    }),
  )
}

/** Milliseconds that the node may serve without another renewal. */
export function leaseLeft(node: GatewayNode, seen: Sightings, now: number): number {
  if (node.state !== 'live') return 0
  const at = seen.get(node.id)?.at ?? now - (node.leaseMs - node.leaseLeftMs)
  return Math.min(node.leaseMs, Math.max(0, at + node.leaseMs - now))
}

export function conditionOf(node: GatewayNode, left: number): Condition {
  if (node.state !== 'live') return node.state
  if (left === 0) return 'silent'
  return node.behind > 0 ? 'behind' : 'serving'
}

export type Row = { node: GatewayNode; left: number; condition: Condition }

const order: Condition[] = ['fenced', 'silent', 'behind', 'serving']

/** The nodes that count, what is wrong first; and those that are gone, the newest first. */
export function rowsOf(fleet: Fleet, seen: Sightings, now: number): { there: Row[]; gone: Row[] } {
  const rows = fleet.nodes.map((node) => {
    const left = leaseLeft(node, seen, now)
    return { node, left, condition: conditionOf(node, left) }
  })
  const there = rows.filter((row) => row.condition !== 'gone')
  return {
    there: there.toSorted(
      (a, b) => order.indexOf(a.condition) - order.indexOf(b.condition) || a.node.name.localeCompare(b.node.name),
    ),
    gone: rows
      .filter((row) => row.condition === 'gone')
      .toSorted((a, b) => b.node.lastSeen.localeCompare(a.node.lastSeen)),
  }
}

/** What somebody should hear about a node, if anything. */
export type Hint = 'behind' | 'silent' | 'fenced' | 'alone'

/** One remark about a node at most: the worst. A memory of its own matters where there are several. */
export function hintOf(row: Row, nodes: number): Hint | null {
  if (row.condition === 'gone') return null
  if (row.condition !== 'serving') return row.condition
  return row.node.alone && nodes > 1 ? 'alone' : null
}
