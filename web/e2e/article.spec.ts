import {
  change,
  changed,
  chips,
  confirmed,
  expect,
  listed,
  openEdit,
  paste,
  pop,
  row,
  save,
  test,
  tick,
  toggle,
} from './fixture'
import { codes, newKey, newOwner } from './world'

// The article "How to edit WebSocket/REST API Key", one test a sentence.

test('This feature is available only to owner of the account', async ({ page, context, who }) => {
  const owner = await context.cookies()
  await context.clearCookies()
  const sub = newOwner('subuser', who.account)
  await page.request.post('/v1/session', { data: { email: sub.email, password: sub.password } })
  const { member }: { member: { id: string } } = await (await page.request.get('/v1/session')).json()
  await page.goto('/settings/api-keys')
  await expect(page.getByRole('heading', { name: 'There is no such page' })).toBeVisible()
  await expect(page.getByRole('link', { name: 'Security' })).toBeVisible()
  await expect(page.getByRole('link', { name: 'API Keys' })).toHaveCount(0)
  expect((await page.request.get('/v1/keys')).status()).toBe(403)

  await context.clearCookies()
  await context.addCookies(owner)
  const { items } = await (await page.request.get('/v1/activities?type=refused')).json()
  expect(items, 'the refusal stands in the activities of the account').toMatchObject([
    { memberId: member.id, note: 'GET /v1/keys' },
  ])
})

test('To edit your API Key, you need to press the "Edit" button next to the respective API Key', async ({
  page,
  who,
}) => {
  newKey(who.account, 'bot-2')
  const key = await listed(page, who)
  await row(page).getByRole('link', { name: 'Edit' }).click()
  await expect(pop(page).getByRole('heading', { name: 'Edit API key bot-1' })).toBeVisible()
  await expect(page).toHaveURL(`/settings/api-keys/${key.id}/edit`)
  await expect(page).toHaveTitle('Edit API key bot-1 · Latchkey')
})

test('The pop-up window will appear, where you can edit the following: Permissions, IP Whitelist', async ({
  page,
  who,
}) => {
  await listed(page, who)
  await openEdit(page)
  await expect(pop(page).getByRole('group', { name: 'Permissions' }).getByRole('switch')).toHaveCount(5)
  await expect(toggle(page, 'Trade')).toBeChecked()
  await expect(toggle(page, 'Funds Wallet')).not.toBeChecked()
  await expect(pop(page).getByRole('group', { name: 'IP whitelist' })).toBeVisible()
  await expect(chips(page)).toHaveText(['8.8.8.8'])
})

test('Read (is enabled by default and can not be disabled)', async ({ page, who }) => {
  await listed(page, who)
  await openEdit(page)
  await expect(toggle(page, 'Read')).toBeChecked()
  await expect(toggle(page, 'Read')).toBeDisabled()
  await toggle(page, 'Read').click({ force: true })
  await expect(toggle(page, 'Read')).toBeChecked()
})

test('Permissions (enable or disable): Trade; Funds Internal; Funds Wallet; Funds External', async ({ page, who }) => {
  await listed(page, who)
  await openEdit(page)
  const four = { Trade: true, 'Funds Internal': false, 'Funds Wallet': false, 'Funds External': false }
  for (const [name, was] of Object.entries(four)) {
    await expect(toggle(page, name)).toBeChecked({ checked: was })
    await toggle(page, name).setChecked(!was)
  }
  await tick(page).check()
  await confirmed(page, who.phone, () => save(page).click())
  await page.getByRole('button', { name: 'ACTIVATE LATER' }).click()
  for (const [name, was] of Object.entries(four))
    await expect(row(page).getByText(name, { exact: true })).toHaveCount(was ? 0 : 1)
  await openEdit(page)
  for (const [name, was] of Object.entries(four)) await expect(toggle(page, name)).toBeChecked({ checked: !was })
})

test('Each API method stated in API documentation indicates the required API Key permission level for such action', async ({
  page,
  who,
}) => {
  expect(who.email).not.toBe('')
  const { actions }: { actions: { name: string; permission: string }[] } = await (
    await page.request.get('/v1/catalog')
  ).json()
  await page.goto('/methods')
  await expect(page.getByRole('heading', { name: 'API methods' })).toBeVisible()
  const names = { trade: 'Trade', funds_internal: 'Funds Internal', funds_external: 'Funds External' }
  for (const [permission, name] of Object.entries(names)) {
    await page.goto(`/methods?permission=${permission}`)
    const of = actions.filter((a) => a.permission === permission)
    await expect(page.getByText(`${of.length} method${of.length === 1 ? '' : 's'}`, { exact: true })).toBeVisible()
    await expect(page.getByText(`Needs ${name}`)).toHaveCount(of.length)
    for (const action of of) await expect(page.getByText(action.name, { exact: true }).first()).toBeVisible()
  }
})

test('Please, see the API documentation for details', async ({ page, context, who }) => {
  await listed(page, who)
  await openEdit(page)
  const methods = pop(page).getByText(/^\d+ API methods?$/)
  await methods.nth(1).click()
  await expect(pop(page).getByText('do_my_new_order', { exact: true })).toBeVisible()
  const opened = context.waitForEvent('page')
  await pop(page)
    .getByRole('link', { name: /^All methods with Trade/ })
    .click()
  const tab = await opened
  await expect(tab).toHaveURL('/methods?permission=trade')
  await expect(tab.getByText('do_my_new_order', { exact: true }).first()).toBeVisible()
  await expect(pop(page), 'the form stays').toContainText('Edit API key bot-1')
})

test('IP Whitelist (add or delete)', async ({ page, who }) => {
  await listed(page, who)
  await openEdit(page)
  await page.getByLabel('Add addresses').fill('1.1.1.1')
  await page.getByLabel('Add addresses').press('Enter')
  await page.getByRole('button', { name: 'Remove 8.8.8.8', exact: true }).click()
  await expect(chips(page)).toHaveText(['1.1.1.1'])
  await tick(page).check()
  await confirmed(page, who.phone, () => save(page).click())
  await page.getByRole('button', { name: 'ACTIVATE LATER' }).click()
  await expect(row(page)).toContainText('1.1.1.1')
  await expect(row(page)).not.toContainText('8.8.8.8')
})

test('In case you wish to copy-paste several IP addresses, they should be separated from each other by spaces, semicolons(“;”), or commas (“,”). The system will automatically identify them', async ({
  page,
  who,
}) => {
  await listed(page, who)
  await openEdit(page)
  for (const separator of [' ', ';', ',', '; ', ' ,\n']) {
    await paste(page, ['1.1.1.1', '9.9.9.0/24', '2a00:1450::1'].join(separator))
    await expect(chips(page).locator('code'), `separated by "${separator}"`).toHaveText([
      '8.8.8.8',
      '1.1.1.1',
      '9.9.9.0/24',
      '2a00:1450::1',
    ])
    for (const one of ['1.1.1.1', '9.9.9.0/24', '2a00:1450::1'])
      await page.getByRole('button', { name: `Remove ${one}`, exact: true }).click()
  }
})

test('If the existing API Key should work from any IP address - the IP Whitelist field should be left empty', async ({
  page,
  who,
}) => {
  await listed(page, who)
  await openEdit(page)
  await page.getByRole('button', { name: 'Remove 8.8.8.8', exact: true }).click()
  await expect(pop(page)).toContainText('The whitelist is empty: the key works from any IP address.')
  await tick(page).check()
  await confirmed(page, who.phone, () => save(page).click())
  await page.getByRole('button', { name: 'ACTIVATE LATER' }).click()
  await expect(row(page)).toContainText('Any address')
})

test('You need to enable the checkbox confirming your acknowledgment that the edited API key will be deactivated after changes', async ({
  page,
  who,
}) => {
  await listed(page, who)
  await openEdit(page)
  await toggle(page, 'Funds Internal').check()
  await expect(tick(page)).not.toBeChecked()
  await expect(save(page)).toHaveCount(0)
  await tick(page).check()
  await expect(save(page)).toBeEnabled()
  await tick(page).uncheck()
  await expect(save(page)).toHaveCount(0)
})

test('After enabling the checkbox you’ll see two buttons on the bottom of this pop-up window', async ({
  page,
  who,
}) => {
  await listed(page, who)
  await openEdit(page)
  const cancel = pop(page).getByRole('button', { name: 'Cancel', exact: true })
  await expect(cancel).toHaveCount(0)
  await tick(page).check()
  await expect(cancel).toBeInViewport({ ratio: 1 })
  await expect(save(page)).toBeInViewport({ ratio: 1 })
  await expect(save(page)).toBeDisabled()
  await expect(pop(page)).toContainText('Nothing is changed yet.')
})

test('Save - will open the 2FA confirmation pop-up window, where you need to confirm API Key edition via 2FA', async ({
  page,
  who,
}) => {
  await listed(page, who)
  await change(page)
  await expect(pop(page).getByRole('heading', { name: 'Two-Factor Authentication' })).toBeVisible()
  await expect(pop(page)).toContainText('edit key bot-1: + Funds Internal')
  const field = page.getByLabel('Code', { exact: true })
  await expect(field).toBeFocused()
  await expect(field).toHaveAttribute('autocomplete', 'one-time-code')
  await expect(field).toHaveAttribute('inputmode', 'numeric')
  await page.getByRole('button', { name: 'Cancel', exact: true }).last().click()
  await expect(pop(page).getByRole('heading', { name: 'Edit API key bot-1' })).toBeVisible()
  await page.goto('/settings/api-keys')
  await expect(row(page), 'nothing is changed without the confirmation').toContainText('Active')
  await expect(row(page)).not.toContainText('Funds Internal')
})

test('Cancel - will discard all changes and close this pop-up window', async ({ page, who }) => {
  await listed(page, who)
  await openEdit(page)
  await toggle(page, 'Funds External').check()
  await tick(page).check()
  await page.getByRole('button', { name: 'Cancel', exact: true }).click()
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(page).toHaveURL('/settings/api-keys')
  await openEdit(page)
  await expect(toggle(page, 'Funds External')).not.toBeChecked()
  await expect(row(page)).toContainText('Active')
})

// The clock of the browser alone is moved here: these tests show what the
// screen says. That the server agrees is tested where its clock can be moved.

test('The verification code sent to your phone via SMS will expire in 5 minutes', async ({ page, who }) => {
  await page.clock.install()
  await listed(page, who)
  await change(page)
  await expect(pop(page).getByRole('timer')).toHaveText(/(5:00|4:5\d)$/)
  await page.clock.fastForward('04:50')
  await expect(page.getByLabel('Code', { exact: true })).toBeVisible()
  await page.clock.fastForward('00:11')
  await expect(pop(page)).toContainText('This code has expired')
  await expect(page.getByLabel('Code', { exact: true })).toHaveCount(0)
})

test('In this case, you need to request a new verification code', async ({ page, who }) => {
  await page.clock.install()
  await listed(page, who)
  await change(page)
  await page.clock.fastForward('05:01')
  await expect(page.getByRole('button', { name: 'Request a new code' })).toBeEnabled()
  await expect(pop(page)).toContainText('what you entered in the form is kept')
})

test('In case you didn’t get the SMS code after 2 minutes "Resend" button would appear', async ({ page, who }) => {
  await page.clock.install()
  await listed(page, who)
  await change(page)
  await page.clock.fastForward('01:50')
  await expect(pop(page)).toContainText('No code yet? Resend in 0:')
  await expect(page.getByRole('button', { name: 'Resend' })).toHaveCount(0)
  await page.clock.fastForward('00:11')
  await expect(page.getByRole('button', { name: 'Resend' })).toBeEnabled()
})

test('Once, the SMS/OTP security step is passed, you will need to activate the edited API Key', async ({
  page,
  who,
}) => {
  await listed(page, who)
  await changed(page, who)
  await expect(pop(page)).toContainText('is inactive now')
  await expect(page.getByRole('button', { name: 'ACTIVATE', exact: true })).toBeFocused()
  await expect(page.getByRole('button', { name: 'ACTIVATE LATER' })).toBeVisible()
})

test('Activate - will open the Email confirmation pop-up window, where you need to confirm API Key activation via Email', async ({
  page,
  who,
}) => {
  await listed(page, who)
  await changed(page, who)
  await page.getByRole('button', { name: 'ACTIVATE', exact: true }).click()
  await expect(pop(page).getByRole('heading', { name: 'E-mail confirmation' })).toBeVisible()
  await expect(pop(page)).toContainText(`by e-mail to ${who.email}`)
  await expect(pop(page).getByRole('timer')).toHaveText(/(5:00|4:5\d)$/)
})

test('If you accomplish the activation step you will see the successful pop-up window', async ({ page, who }) => {
  await listed(page, who)
  await changed(page, who)
  await confirmed(page, who.email, () => page.getByRole('button', { name: 'ACTIVATE', exact: true }).click())
  await expect(pop(page).getByRole('heading', { name: 'The API key is active' })).toBeVisible()
  await expect(pop(page)).toContainText('The gateway has confirmed')
  await page.getByRole('button', { name: 'Done' }).click()
  await expect(row(page).getByText('Active', { exact: true })).toBeVisible()
  await expect(row(page)).toContainText('Funds Internal')
})

test('Activate Later, which will close this pop-up window', async ({ page, who }) => {
  await listed(page, who)
  await changed(page, who)
  const mails = await codes(who.email)
  await page.getByRole('button', { name: 'ACTIVATE LATER' }).click()
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(page).toHaveURL('/settings/api-keys')
  expect(await codes(who.email), 'no code was sent').toBe(mails)
})

test('Note that your API Key would be updated but needs to be activated later on', async ({ page, who }) => {
  await listed(page, who)
  await changed(page, who)
  await page.getByRole('button', { name: 'ACTIVATE LATER' }).click()
  await expect(row(page).getByText('Inactive', { exact: true })).toBeVisible()
  await expect(row(page)).toContainText('Funds Internal')
  await page.getByRole('link', { name: 'Activate bot-1' }).click()
  await confirmed(page, who.email, () => page.getByRole('button', { name: 'ACTIVATE', exact: true }).click())
  await page.getByRole('button', { name: 'Done' }).click()
  await expect(row(page).getByText('Active', { exact: true })).toBeVisible()
})

test('If you’ll need to temporarily stop permissions for a certain API Key follow this link', async ({ page, who }) => {
  await listed(page, who)
  await openEdit(page)
  await expect(pop(page)).toContainText('Only want to stop this key for a while?')
  await page.getByRole('link', { name: 'Deactivate it' }).click()
  await expect(pop(page).getByRole('heading', { name: 'Deactivate API key bot-1' })).toBeVisible()
  await page.getByRole('button', { name: 'Deactivate', exact: true }).click()
  await expect(pop(page)).toContainText('bot-1 was deactivated')
  await page.getByRole('button', { name: 'Done' }).click()
  await expect(row(page).getByText('Inactive', { exact: true })).toBeVisible()
})
