import {
  change,
  chips,
  confirmed,
  expect,
  listed,
  openEdit,
  type Page,
  paste,
  pop,
  row,
  save,
  test,
  tick,
  toggle,
} from './fixture'
import { code, codes } from './world'

// What goes wrong, and that nothing that was entered is lost by it.

const field = (page: Page) => page.getByLabel('Code', { exact: true })

test.describe('a wrong code', () => {
  test.use({ provoked: /status of 4\d\d/ })

  test('five times closes the request, changes nothing and keeps the form', async ({ page, who }) => {
    await listed(page, who)
    const before = await codes(who.phone)
    await change(page)
    const wrong = String((Number(await code(who.phone, before)) + 1) % 1_000_000).padStart(6, '0')
    for (const left of ['4 more times', '3 more times', '2 more times', 'one more time']) {
      await field(page).fill(wrong)
      await page.getByRole('button', { name: 'Confirm' }).click()
      await expect(pop(page)).toContainText(`Wrong code. You can try ${left}.`)
      await expect(field(page)).toBeFocused()
      await expect(field(page)).toHaveValue('')
    }
    await field(page).fill(wrong)
    await page.getByRole('button', { name: 'Confirm' }).click()
    await expect(pop(page)).toContainText('Too many wrong codes')
    await expect(row(page), 'the key works on').toContainText('Active')

    await confirmed(page, who.phone, () => page.getByRole('button', { name: 'Begin again' }).click())
    await expect(pop(page)).toContainText('The changes are saved')
    await page.getByRole('button', { name: 'ACTIVATE LATER' }).click()
    await expect(row(page)).toContainText('Funds Internal')
  })
})

test.describe('two tabs edit one key', () => {
  test.use({ provoked: /status of 409/ })

  test('the second to save is told, saves nothing, and goes on from the new key', async ({ page, context, who }) => {
    await listed(page, who)
    await openEdit(page)
    await toggle(page, 'Funds External').check()
    await tick(page).check()
    const other = await context.newPage()
    await other.goto('/settings/api-keys')
    await confirmed(other, who.phone, () => change(other))
    await other.getByRole('button', { name: 'ACTIVATE LATER' }).click()
    await other.close()

    const saved = save(page)
    if (await saved.isEnabled()) await saved.click() // the tab may have noticed already
    await expect(pop(page)).toContainText('The key was changed in the meantime')
    await expect(field(page)).toHaveCount(0)
    await expect(toggle(page, 'Funds External'), 'what was entered is still there').toBeChecked()
    await page.getByRole('button', { name: 'Load it and keep my entries' }).click()
    await expect(pop(page)).not.toContainText('The key was changed in the meantime')
    await expect(toggle(page, 'Funds External')).toBeChecked()
    await expect(page.getByLabel('What changes')).toContainText('Funds Internal')
    await confirmed(page, who.phone, () => save(page).click())
    await page.getByRole('button', { name: 'ACTIVATE LATER' }).click()
    await expect(row(page)).toContainText('Funds External')
  })
})

test.describe('a session that ends', () => {
  test.use({ provoked: /status of 401/ })

  test('in the middle of an edit keeps the form, and Save goes on after the sign-in', async ({ page, who }) => {
    await listed(page, who)
    await openEdit(page)
    await toggle(page, 'Funds Wallet').check()
    await paste(page, '1.1.1.1, 9.9.9.9')
    await tick(page).check()
    await page.request.delete('/v1/session')
    await save(page).click()

    await expect(pop(page).getByRole('heading', { name: 'Your session has ended' })).toBeVisible()
    await expect(page.getByLabel('E-mail')).toHaveValue(who.email)
    await page.getByLabel('Password', { exact: true }).fill(who.password)
    await confirmed(page, who.phone, () => page.getByRole('button', { name: 'Sign in' }).click())

    await expect(pop(page).getByRole('heading', { name: 'Two-Factor Authentication' })).toBeVisible()
    await expect(pop(page)).toContainText('edit key bot-1')
    await page.goBack()
    await expect(toggle(page, 'Funds Wallet')).toBeChecked()
    await expect(chips(page)).toHaveText(['8.8.8.8', '1.1.1.1', '9.9.9.9'])
    await confirmed(page, who.phone, () => save(page).click())
    await expect(pop(page)).toContainText('The changes are saved')
  })
})

test('a paste of 40 mixed addresses becomes 40 chips, each with its meaning, and only good ones are saved', async ({
  page,
  who,
}) => {
  const key = await listed(page, who)
  const public4 = Array.from({ length: 20 }, (_, i) => `52.10.${i}.7`)
  const good = [...public4, '9.9.9.0/24', '151.101.0.0/16', '2a00:1450::1', '2606:4700::/32', '1.1.1.1']
  const special = ['10.0.0.1', '192.168.1.0/24', '127.0.0.1', '192.0.2.7', 'fd00::1']
  const twice = ['1.1.1.1', '52.10.0.7', '2A00:1450:0:0::1']
  const bad = ['300.1.1.1', '1.2.3', 'example.com', '0.0.0.0/0', '9.9.9.1/24', '1.2.3.4:80', '[2a00::1]']
  const all = [...good, ...special, ...twice, ...bad]
  expect(all).toHaveLength(40)
  await openEdit(page)
  await page.getByRole('button', { name: 'Remove 8.8.8.8', exact: true }).click()
  const separators = [' ', ';', ', ', '\n', ' ; ']
  await paste(page, all.map((text, i) => text + separators[i % separators.length]).join(''))

  await expect(chips(page)).toHaveCount(40)
  await expect(chips(page).and(page.locator('[data-verdict=valid]'))).toHaveCount(good.length)
  await expect(chips(page).and(page.locator('[data-verdict=warning]'))).toHaveCount(special.length)
  await expect(chips(page).and(page.locator('[data-verdict=duplicate]'))).toHaveCount(twice.length)
  await expect(chips(page).and(page.locator('[data-verdict=invalid]'))).toHaveCount(bad.length)
  await expect(chips(page).filter({ hasText: '151.101.0.0/16' })).toContainText('65,536 addresses')
  await expect(chips(page).filter({ hasText: '10.0.0.1' })).toContainText('private')
  await expect(pop(page)).toContainText('0.0.0.0/0: /0 is every address; leave the list empty to allow any address')
  await expect(pop(page)).toContainText('did you mean 9.9.9.0/24?')

  await tick(page).check()
  await expect(save(page)).toBeDisabled()
  await expect(pop(page)).toContainText('Correct or remove the invalid entries of the whitelist.')
  await page.getByRole('button', { name: 'Remove 10 duplicate or invalid entries' }).click()
  await expect(chips(page)).toHaveCount(30)
  await confirmed(page, who.phone, () => save(page).click())
  await expect(pop(page)).toContainText('The changes are saved')
  const answer = await page.request.get(`/v1/keys/${key.id}`)
  const { key: now }: { key: { allowlist: string[] } } = await answer.json().then((b) => (b.key ? b : { key: b }))
  expect(now.allowlist.toSorted()).toEqual([...good, ...special].toSorted())
})

test('browser back closes the topmost pop-up only and keeps the form below', async ({ page, who }) => {
  const key = await listed(page, who)
  await change(page)
  await page.goBack()
  await expect(field(page)).toHaveCount(0)
  await expect(page).toHaveURL(`/settings/api-keys/${key.id}/edit`)
  await expect(toggle(page, 'Funds Internal')).toBeChecked()
  await expect(tick(page)).toBeChecked()
  await expect
    .poll(async () => (await page.request.get('/v1/activities?type=pending_cancelled')).json())
    .toMatchObject({
      items: [{ type: 'pending_cancelled' }],
    })

  await page.goBack()
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(page).toHaveURL('/settings/api-keys')
  await page.goForward()
  await expect(pop(page)).toContainText('Edit API key bot-1')
  await expect(toggle(page, 'Funds Internal'), 'a form that was closed begins anew').not.toBeChecked()
})
