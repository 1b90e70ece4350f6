import type { Page } from '@playwright/test'
import { answerWith, node, nodesPath } from '../nodes'
import { button, type Shot } from './keys'

/** The operator's page: without a link, on SQLite, with nodes in each state, closed. */
export async function nodes(page: Page, shot: Shot): Promise<void> {
  await page.goto('/nodes')
  await page.getByText('This page is opened by a link').waitFor()
  await shot('no-link')
  await page.goto('/sign-in')
  await page.goto(nodesPath())
  await page.getByText('One gateway node, in this process').waitFor()
  await shot('sqlite')
  const one = node('gateway-1.example', { alone: false })
  await answerWith(page, { nodes: [one, node('gateway-2.example'), node('console-1.example')] })
  await page.getByText('3 of 3 gateway nodes follow.').waitFor()
  await shot('all-follow')
  const late = node('gateway-2.example', { applied: 1234, behind: 2 })
  const old = { leaseLeftMs: 0, lastSeen: new Date(Date.now() - 40_000).toISOString() }
  const silent = node('gateway-3.example', { applied: 1233, behind: 3, ...old })
  const fenced = node('gateway-4.example', { applied: 1201, behind: 35, state: 'fenced', ...old })
  const gone = node('gateway-4.example', { state: 'gone', ...old, id: 'node_8h2l6p0t4x6c0f4j8n2r6v0z4d' })
  await answerWith(page, { newest: 1236, nodes: [{ ...one, applied: 1236 }, late, silent, fenced, gone] })
  await page.getByText('gateway-3.example has not renewed').waitFor()
  await shot('trouble')
  await page.getByText('One start that has stopped').click()
  await shot('stopped')
  await answerWith(page, { nodes: [] })
  await page.getByText('No gateway node is running').waitFor()
  await shot('none')
  await button(page, 'Close').click()
  await page.getByText('This page has closed').waitFor()
  await shot('closed')
}
