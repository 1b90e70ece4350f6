import { execFileSync } from 'node:child_process'
import type { Page } from '@playwright/test'
import type { components } from '../src/api/schema'

// The operator's page. The demo is one process on SQLite, so the nodes of a
// shared database are made up here; Go tests and docs/operations.md have real ones.

type Fleet = components['schemas']['Fleet']
type Node = components['schemas']['Node']

/** The link that the command prints: `latchkey nodes --link`. */
export function nodesLink(): string {
  const bin = process.env.LATCHKEY_BIN ?? '../bin/latchkey'
  const out = execFileSync(bin, ['nodes', '--link', '--json', '--data', process.env.LATCHKEY_DATA ?? '../data'])
  return JSON.parse(out.toString()).link
}

/** The same as a path of the console under test, which may have another address. */
export const nodesPath = (): string => nodesLink().replace(/^https?:\/\/[^/]+/, '')

const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString()

export const node = (name: string, over: Partial<Node> = {}): Node => ({
  id: `node_${name.replace(/\W/g, '')}`.padEnd(31, '4j8n2r6v0z4d8h2l'),
  name,
  state: 'live',
  applied: 1234,
  behind: 0,
  leaseMs: 5000,
  leaseLeftMs: 4000,
  alone: false,
  startedAt: ago(7200),
  lastSeen: ago(1),
  ...over,
})

/** What each further look at the nodes is answered with. Live nodes have just renewed. */
export async function answerWith(page: Page, over: Partial<Fleet>): Promise<void> {
  await page.unroute('**/v1/nodes')
  await page.route('**/v1/nodes', (route) => {
    const nodes = (over.nodes ?? []).map((n) => (n.leaseLeftMs > 0 ? { ...n, lastSeen: ago(1) } : n))
    const fleet = { shared: true, newest: 1234, confirmed: 1234, endsAt: ago(-3000), ...over, nodes }
    return route.fulfill({ json: fleet })
  })
}
