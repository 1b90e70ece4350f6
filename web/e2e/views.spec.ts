import { readFileSync } from 'node:fs'
import { Bot } from './bot'
import { expect, listed, openEdit, type Page, pop, row, save, test, tick, toggle } from './fixture'

// What every view owes its reader: its address and title, what is there while
// it loads, fails or has nothing, exact times, and the way out of a refusal.

const views = {
  '/settings/api-keys': { title: 'API Keys Management', reads: '**/v1/keys' },
  '/methods': { title: 'API methods', reads: '**/v1/catalog' },
  '/activities': { title: 'Account Activities', reads: '**/v1/activities?*' },
  '/settings/security': { title: 'Security', reads: '**/v1/factors' },
}

test('a row shows what the key may do, from where, since when, its last use, and its refusals as a chart', async ({
  page,
  who,
}) => {
  const bot = new Bot(await listed(page, who, '--permissions', 'read,trade', '--ip', '127.0.0.1', '--active'))
  await bot.call('get_my_account_status_v3')
  await bot.call('do_my_internal_transfer')
  const used = () => page.request.get('/v1/keys').then(async (answer) => (await answer.json()).items[0])
  await expect.poll(async () => !!(await used()).lastUsed, { timeout: 20_000 }).toBe(true)
  await expect.poll(async () => (await used()).refusedByHour.at(-1), { timeout: 20_000 }).toBe(1)
  await page.reload()
  const cells = row(page).getByRole('cell')
  await expect(cells.nth(0)).toContainText('Active')
  await expect(cells.nth(1)).toContainText('Trade')
  await expect(cells.nth(3)).toContainText('127.0.0.1')
  await expect(cells.nth(4).locator('time')).toHaveCount(1)
  await expect(cells.nth(5).locator('time')).toHaveCount(1)
  const refusals = row(page).getByRole('link', { name: '1 refused in 24 h: refused calls of bot-1' })
  await expect(refusals.locator('svg rect')).toHaveCount(24)
})

test('every time tells its second and its zone on hover', async ({ page, who }) => {
  await listed(page, who)
  for (const path of ['/settings/api-keys', '/activities', '/settings/security']) {
    await page.goto(path)
    await expect(page.locator('time').first()).toBeVisible()
    const hints = await page.locator('time').evaluateAll((all) => all.map((time) => time.getAttribute('title') ?? ''))
    expect(
      hints.filter((hint) => !/\d:\d\d:\d\d .*\(.+\)$/.test(hint)),
      path,
    ).toEqual([])
  }
})

test('title and address follow the view; a pop-up can be linked, closed with Escape, and gives the focus back', async ({
  page,
  who,
}) => {
  const key = await listed(page, who)
  const bar = page.getByRole('navigation')
  for (const [path, { title }] of Object.entries(views)) {
    await bar.locator(`a[href="${path}"]`).click()
    await expect(page).toHaveURL(path)
    await expect(page).toHaveTitle(`${title} · Latchkey`)
  }
  const keys = '/settings/api-keys'
  const popups: Record<string, string> = {
    [`${keys}/new`]: 'New API key',
    [`${keys}/${key.id}/edit`]: 'Edit API key bot-1',
    [`${keys}/${key.id}/deactivate`]: 'Deactivate API key bot-1',
    [`${keys}/${key.id}/activate`]: 'Activate API key bot-1',
    [`${keys}/${key.id}/delete`]: 'Delete API key bot-1',
    [`${keys}/${key.id}/refused-calls`]: 'Refused calls of bot-1',
    '/settings/security/add-app': 'Add an authenticator app',
    '/settings/security/add-phone': 'Add a phone',
    '/settings/security/add-passkey': 'Add a passkey',
    '/settings/security/recovery-codes': 'Make new recovery codes',
    '/settings/security/password': 'Change password',
  }
  for (const [path, title] of Object.entries(popups)) {
    await page.goto(path)
    await expect(page).toHaveTitle(`${title} · Latchkey`)
    await expect(page.getByRole('dialog', { name: title })).toBeVisible()
    await expect(pop(page).locator(':focus'), path).toHaveCount(1)
    await page.keyboard.press('Escape')
    await expect(page.getByRole('dialog'), path).toHaveCount(0)
    const below = path.startsWith(keys) ? keys : '/settings/security'
    await expect(page).toHaveURL(below)
    await expect(
      page.getByRole('heading', { level: 1 }),
      'nothing opened it, so the heading has the focus',
    ).toBeFocused()
  }
})

test.describe('a view that cannot be read', () => {
  test.use({ provoked: /status of 500|ERR_FAILED|ERR_INTERNET_DISCONNECTED/ })

  test('shows that it loads, that it failed, and tries again', async ({ page, who }) => {
    expect(who.email).not.toBe('')
    for (const [path, { title, reads }] of Object.entries(views)) {
      let go = () => {}
      const held = new Promise<void>((resolve) => {
        go = resolve
      })
      await page.route(reads, async (route) => {
        await held
        await route.fulfill({ status: 500, json: { code: 'internal_error', status: 500, requestId: 'req_seen' } })
      })
      await page.goto(path)
      await expect(page.getByRole('heading', { name: title, level: 1 })).toBeVisible()
      await expect(page.getByRole('main').getByText('Loading').first(), `${path} loads`).toBeAttached()
      go()
      const failed = page.getByRole('alert').first()
      await expect(failed, path).toContainText('Nothing was changed; try again')
      await expect(failed, 'the number to name to the operator').toContainText('req_seen')
      await page.unroute(reads)
      await failed.getByRole('button', { name: 'Try again' }).click()
      await expect(failed, `${path} is read`).toHaveCount(0)
    }
  })

  test('a fault in the middle of a change does not say that nothing was changed', async ({ page, who }) => {
    const key = await listed(page, who)
    await openEdit(page)
    await toggle(page, 'Funds Wallet').check()
    await tick(page).check()
    const fault = { status: 500, json: { code: 'internal_error', status: 500, requestId: 'req_seen' } }
    await page.route(`**/v1/keys/${key.id}`, (route) => route.fulfill(fault))
    await save(page).click()
    await expect(pop(page)).toContainText('It is not known whether anything changed')
    await expect(toggle(page, 'Funds Wallet')).toBeChecked()
  })

  test('offline is said, and what was read stays', async ({ page, context, who }) => {
    await listed(page, who)
    await context.setOffline(true)
    await expect(page.getByText('You are offline. What you see may be old; what you entered is kept.')).toBeVisible()
    await expect(row(page)).toBeVisible()
    await context.setOffline(false)
    await expect(page.getByText('You are offline.')).toHaveCount(0)
  })
})

test('activities are filtered by period and type in the address, and exported as they are filtered', async ({
  page,
  who,
}) => {
  await listed(page, who)
  await page.goto('/activities')
  const rows = page.getByRole('main').getByRole('row')
  await expect(rows.filter({ hasText: 'Signed in' }).first()).toBeVisible()
  await page.getByLabel('Action Type').selectOption('key_created')
  await expect(page).toHaveURL(/type=key_created/)
  await expect(rows.filter({ hasText: 'bot-1' })).toHaveCount(1)
  await expect(rows.filter({ hasText: 'Signed in' })).toHaveCount(0)
  await page.getByLabel('Period').selectOption('day')
  await expect(page).toHaveURL(/period=day/)
  await expect(rows.filter({ hasText: 'bot-1' })).toHaveCount(1)
  const lines = await csv(page)
  expect(lines, 'a heading and one entry').toHaveLength(2)
  expect(lines[1]).toContain('key_created')
  await page.reload()
  await expect(page.getByLabel('Action Type')).toHaveValue('key_created')
  await page.getByLabel('Action Type').selectOption('key_deleted')
  await expect(page.getByText('Nothing happened in this period')).toBeVisible()
})

async function csv(page: Page): Promise<string[]> {
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Export as CSV' }).click()
  const file = await (await download).path()
  return readFileSync(file, 'utf8').trim().split(/\r?\n/)
}

test('a refused call is shown with its exact reason and the step that mends it, and the step mends it', async ({
  page,
  who,
}) => {
  const key = await listed(page, who, '--permissions', 'read', '--active')
  const bot = new Bot(key)
  expect((await bot.call('do_my_new_order')).code).toBe('permission_missing')
  expect((await new Bot({ ...key, secret: 'lks_of_somebody_else' }).call('get_my_account_status_v3')).status).toBe(401)
  const path = `/v1/keys/${key.id}/refused-calls`
  await expect
    .poll(async () => (await (await page.request.get(path)).json()).items, { timeout: 20_000 })
    .toHaveLength(2)
  await page.goto(`/settings/api-keys/${key.id}/refused-calls`)
  const reasons = pop(page)
    .getByRole('listitem')
    .filter({ has: page.getByRole('heading', { level: 3 }) })
  await expect(reasons).toHaveCount(2)
  const missing = reasons.filter({ hasText: 'permission_missing' })
  await expect(missing).toContainText('Permission missing')
  await expect(missing).toContainText('do_my_new_order')
  await expect(missing).toContainText('127.0.0.1')
  await expect(missing).toContainText('If this bot should do that, switch on Trade.')
  await expect(reasons.filter({ hasText: 'unauthorized' })).toContainText('Wrong signature')
  await missing.getByRole('link', { name: 'Edit the key' }).click()
  await expect(pop(page)).toContainText('Edit API key bot-1')
  await expect(page).toHaveURL(`/settings/api-keys/${key.id}/edit`)
})
