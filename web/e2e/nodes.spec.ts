import { button, go, look } from './axe'
import { expect, type Page, pop, test } from './fixture'
import { answerWith, node, nodesPath } from './nodes'
import { enter, newKey } from './world'

// Gateway nodes: the operator's page, by a link that works once.

test.use({ provoked: /status of (4\d\d|503)/ })

const open = (page: Page) => go(page, nodesPath(), 'Gateway nodes')
const at = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name })

test('the link opens the page once, and its token leaves the address before it is sent', async ({ page, browser }) => {
  const link = nodesPath()
  const token = link.split('#')[1] ?? ''
  expect(token.length).toBeGreaterThan(40)
  const addresses: string[] = []
  page.on('request', (request) => addresses.push(request.url(), request.headers().referer ?? ''))
  await page.route('**/v1/nodes/session', async (route) => {
    addresses.push(await page.evaluate(() => location.href)) // before it is on its way
    await route.continue()
  })
  await go(page, link, 'Gateway nodes')
  await expect(page.getByText('One gateway node, in this process')).toBeVisible()
  await look(page, 'gateway nodes')
  expect(page.url()).not.toContain('#')
  expect(addresses.join(' ')).toContain('/v1/nodes/session')
  expect(addresses.join(' ')).not.toContain(token)
  expect(await page.evaluate(() => document.cookie)).toBe('') // no script reads it
  await page.goBack() // nor does the history hold it
  expect(page.url()).not.toContain(token)

  const second = await browser.newContext()
  const other = await second.newPage()
  await go(other, link, 'Gateway nodes')
  await expect(other.getByText('This link is not good any more')).toBeVisible()
  await look(other, 'a link to the nodes that was used')
  await second.close()
})

test('the page is closed by its button, for every tab that has its session', async ({ page }) => {
  await open(page)
  await expect(page.getByText('One gateway node, in this process')).toBeVisible()
  const tab = await page.context().newPage()
  await go(tab, '/nodes', 'Gateway nodes') // the session without the link
  await expect(tab.getByText('One gateway node, in this process')).toBeVisible()
  await button(page, 'Close').focus()
  await page.keyboard.press('Enter')
  await expect(page.getByText('This page has closed')).toBeVisible()
  await look(page, 'the page of the nodes has closed')
  await expect(tab.getByText('This page has closed')).toBeVisible()
  expect(await page.context().cookies()).toEqual([])
})

test('neither a stranger nor a member opens it, and its session opens nothing of a member', async ({ page }) => {
  await go(page, '/nodes', 'Gateway nodes')
  await expect(page.getByText('This page is opened by a link')).toBeVisible()
  await look(page, 'no link to the nodes')
  await page.goto('/sign-in')
  await open(page)
  await expect(page.getByText('One gateway node, in this process')).toBeVisible()
  await page.goto('/settings/api-keys')
  await expect(page.getByLabel('E-mail')).toBeVisible()
  await page.context().clearCookies()
  await enter(page)
  await go(page, '/nodes', 'Gateway nodes')
  await expect(page.getByText('This page is opened by a link')).toBeVisible()
  await page.goto('/settings/api-keys') // the member is still signed in
  await expect(page.getByRole('heading', { name: 'API Keys Management' })).toBeVisible()
})

test('how far each node is, and what mends it', async ({ page }) => {
  const three = [node('gateway-1'), node('gateway-2'), node('gateway-3')]
  await answerWith(page, { nodes: three })
  await open(page)
  await expect(page.getByText('3 of 3 gateway nodes follow.')).toBeVisible()
  await expect(page.getByText('Every change up to 1,234 is in force everywhere.')).toBeVisible()
  await expect(at(page, 'gateway-2')).toContainText('Follows')
  await expect(at(page, 'gateway-2')).toContainText('of 5 s left')
  await expect(page.getByText('What to do')).toHaveCount(0)
  await look(page, 'three nodes that follow')

  // It refreshes by itself: nobody touches the page from here on.
  const behind = node('gateway-2', { applied: 1234, behind: 2 })
  const dead = node('gateway-3', { applied: 1233, behind: 3, leaseLeftMs: 0, lastSeen: new Date(0).toISOString() })
  await answerWith(page, { newest: 1236, nodes: [node('gateway-1', { applied: 1236 }), behind, dead] })
  await expect(page.getByText('1 of 3 gateway nodes follow.')).toBeVisible()
  await expect(page.getByText('up to 1,234 is in force everywhere; 2 newer are on their way.')).toBeVisible()
  await expect(at(page, 'gateway-2')).toContainText('2 changes behind')
  await expect(at(page, 'gateway-3')).toContainText('Over: it refuses signed calls', { timeout: 15_000 })
  await expect(page.getByText('gateway-3 has not renewed its lease')).toBeVisible()
  await expect(page.getByText('docs/operations.md')).toBeVisible()
  await look(page, 'nodes that do not follow')

  const fenced = { ...dead, state: 'fenced' as const }
  const gone = node('gateway-4', { state: 'gone', leaseLeftMs: 0 })
  await answerWith(page, { nodes: [node('gateway-1'), node('gateway-2'), fenced, gone] })
  await expect(at(page, 'gateway-3')).toContainText('Shut out')
  await expect(page.getByText('2 of 3 gateway nodes follow.')).toBeVisible()
  await expect(at(page, 'gateway-4')).toBeHidden()
  await page.getByText('One start that has stopped').click()
  await expect(at(page, 'gateway-4')).toContainText('Stopped')
  await look(page, 'a node that is shut out, and one that has stopped')

  await answerWith(page, { nodes: [] })
  await expect(page.getByText('No gateway node is running')).toBeVisible()
  await look(page, 'no nodes')
})

test('a console that is away is told, and the page goes on by itself', async ({ page }) => {
  await answerWith(page, { nodes: [node('gateway-1')] })
  await open(page)
  await expect(page.getByText('The gateway node follows.')).toBeVisible()
  await page.unroute('**/v1/nodes')
  await page.route('**/v1/nodes', (route) => route.fulfill({ status: 503, json: { code: 'store_unavailable' } }))
  await expect(page.getByText('This is not up to date any more.')).toBeVisible()
  await expect(at(page, 'gateway-1')).toBeVisible()
  await look(page, 'nodes as they were')
  await answerWith(page, { nodes: [node('gateway-1')] })
  await expect(page.getByText('This is not up to date any more.')).toHaveCount(0)
})

test('who waits for a change sees which node it waits for, and that it has stopped', async ({ page }) => {
  const who = await enter(page)
  const key = newKey(who.account, 'bot-1', '--active')
  let done = () => {}
  const over = new Promise<void>((resolve) => {
    done = resolve
  })
  // The demo has one node; what several of them answer is made up, over a real deactivation.
  const stops = [{ name: 'gateway-c', stopsMs: 3600 }]
  await page.route('**/v1/receipt', (route) => route.fulfill({ json: { nodes: 3, confirmed: 2, silent: stops } }))
  await page.route('**/deactivate', async (route) => {
    if (route.request().method() !== 'POST') return route.fallback()
    const answer = await (await route.fetch()).json()
    await over
    const receipt = { nodes: 3, confirmed: 2, silent: ['gateway-c'], tookMs: 5220 }
    return route.fulfill({ json: { ...answer, receipt } })
  })
  await go(page, `/settings/api-keys/${key.id}/deactivate`, 'Deactivate API key bot-1')
  await button(page, 'Deactivate').click()
  await expect(pop(page)).toContainText('2 of 3 gateway nodes confirmed; gateway-c stops by itself in 4 s.')
  await look(page, 'a change that waits for a node')
  done()
  await expect(pop(page)).toContainText('2 of 3 gateway nodes confirmed in 5,220 ms. gateway-c does not answer')
  await look(page, 'a change that a node did not confirm')
})

test('on a phone each node is a card, and nothing is wider than the screen', async ({ page }) => {
  await page.setViewportSize({ width: 375, height: 740 })
  const long = node('gateway-with-a-very-long-name.machines.example.internal', { behind: 1, applied: 1233 })
  await answerWith(page, { nodes: [node('gateway-1'), long] })
  await open(page)
  await expect(page.getByText('1 of 2 gateway nodes follow.')).toBeVisible()
  await look(page, 'nodes on a phone')
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375)
})
