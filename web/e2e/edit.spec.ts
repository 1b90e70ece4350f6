import { expect, type Page, test } from '@playwright/test'
import { code, codes, confirm, enter, newKey, newOwner, type Person } from './world'

// The article "How to edit WebSocket/REST API Key", one test a sentence.

let who: Person
let key: { id: string }
const row = (page: Page) => page.getByRole('row').filter({ hasText: 'bot-1' })
const pop = (page: Page) => page.getByRole('dialog').last()

test.beforeEach(async ({ page }) => {
  who = await enter(page)
  key = newKey(who.account, 'bot-1', '--permissions', 'read,trade', '--ip', '8.8.8.8', '--active')
  await page.goto('/settings/api-keys')
})

async function openEdit(page: Page) {
  await page.getByRole('link', { name: 'Edit bot-1' }).click()
  await expect(pop(page)).toContainText('Edit API key bot-1')
}

async function acknowledge(page: Page) {
  await page.getByLabel('I understand that the key is deactivated by this change').check()
}

/** Turns Funds Internal on and saves; returns when the 2FA pop-up is there. */
async function change(page: Page) {
  await openEdit(page)
  await page.getByRole('switch', { name: 'Funds Internal' }).check()
  await acknowledge(page)
  await page.getByRole('button', { name: 'Save' }).click()
  await expect(page.getByLabel('Code')).toBeVisible()
}

async function changed(page: Page) {
  const before = await codes(who.phone)
  await change(page)
  await confirm(page, who.phone, before)
  await expect(pop(page)).toContainText('The changes are saved')
}

test('This feature is available only to owner of the account', async ({ page }) => {
  const sub = newOwner('subuser', who.account)
  await page.request.delete('/v1/session')
  await page.request.post('/v1/session', { data: { email: sub.email, password: sub.password } })
  await page.goto('/settings/api-keys')
  await expect(page.getByRole('heading', { name: 'There is no such page' })).toBeVisible()
  await expect(page.getByRole('link', { name: 'API Keys' })).toHaveCount(0)
  await expect(page.getByRole('link', { name: 'Security' })).toBeVisible()
  expect((await page.request.get('/v1/keys')).status()).toBe(403)
})

test('To edit your API Key, you need to press the "Edit" button next to the respective API Key', async ({ page }) => {
  newKey(who.account, 'bot-2')
  await page.reload()
  await row(page).getByRole('link', { name: 'Edit' }).click()
  await expect(pop(page).getByRole('heading', { name: 'Edit API key bot-1' })).toBeVisible()
  await expect(page).toHaveURL(`/settings/api-keys/${key.id}/edit`)
  await expect(page).toHaveTitle('Edit API key bot-1 · Latchkey')
})

test('Permissions (enable or disable): Trade, Funds Internal, Funds Wallet, Funds External', async ({ page }) => {
  await openEdit(page)
  await expect(page.getByRole('switch', { name: 'Trade' })).toBeChecked()
  for (const name of ['Trade', 'Funds Internal', 'Funds Wallet', 'Funds External']) {
    const one = page.getByRole('switch', { name })
    const on = await one.isChecked()
    await one.setChecked(!on)
    await expect(one).toBeChecked({ checked: !on })
  }
  await expect(pop(page)).toContainText('Read, Funds Internal, Funds Wallet, Funds External')
})

test('Read (is enabled by default and can not be disabled)', async ({ page }) => {
  await openEdit(page)
  await expect(page.getByRole('switch', { name: 'Read' })).toBeChecked()
  await expect(page.getByRole('switch', { name: 'Read' })).toBeDisabled()
})

test('Each API method indicates the required API Key permission level for such action', async ({ page }) => {
  await openEdit(page)
  await page
    .getByText(/^\d+ API methods$/)
    .nth(1)
    .click()
  await expect(pop(page).getByText('do_my_new_order', { exact: true })).toBeVisible()
  await expect(pop(page).getByRole('link', { name: 'All methods with Trade' })).toHaveAttribute(
    'href',
    '/methods?permission=trade',
  )
})

test('IP Whitelist (add or delete)', async ({ page }) => {
  await openEdit(page)
  await page.getByLabel('Add addresses').fill('1.1.1.1')
  await page.getByLabel('Add addresses').press('Enter')
  await page.getByRole('button', { name: 'Remove 8.8.8.8', exact: true }).click()
  await expect(page.getByLabel('Entries of the IP whitelist').getByRole('listitem')).toHaveText(['1.1.1.1'])
  await expect(page.getByLabel('What changes')).toContainText('1.1.1.1')
})

for (const [name, separator] of Object.entries({ spaces: ' ', semicolons: ';', commas: ',', 'new lines': '\n' })) {
  test(`several IP addresses separated by ${name}: the system will automatically identify them`, async ({
    page,
    context,
  }) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await openEdit(page)
    await page.evaluate(
      (text) => navigator.clipboard.writeText(text),
      ['1.1.1.1', '9.9.9.0/24', '2a00:1450::1'].join(separator),
    )
    await page.getByLabel('Add addresses').focus()
    await page.keyboard.press('Control+v')
    await expect(page.getByLabel('Entries of the IP whitelist').locator('code')).toHaveText([
      '8.8.8.8',
      '1.1.1.1',
      '9.9.9.0/24',
      '2a00:1450::1',
    ])
  })
}

test('If the API Key should work from any IP address the IP Whitelist field should be left empty', async ({ page }) => {
  await openEdit(page)
  await page.getByRole('button', { name: 'Remove 8.8.8.8', exact: true }).click()
  await expect(pop(page)).toContainText('The whitelist is empty: the key works from any IP address.')
  await acknowledge(page)
  const before = await codes(who.phone)
  await page.getByRole('button', { name: 'Save' }).click()
  await confirm(page, who.phone, before)
  await page.getByRole('button', { name: 'ACTIVATE LATER' }).click()
  await expect(row(page)).toContainText('Any address')
})

test('After enabling the checkbox you will see two buttons: Save and Cancel', async ({ page }) => {
  await openEdit(page)
  await expect(pop(page).getByRole('button', { name: 'Save' })).toHaveCount(0)
  await expect(pop(page).getByRole('button', { name: 'Cancel' })).toHaveCount(0)
  await acknowledge(page)
  await expect(pop(page).getByRole('button', { name: 'Save' })).toBeDisabled()
  await expect(pop(page)).toContainText('Nothing is changed yet.')
  await expect(pop(page).getByRole('button', { name: 'Cancel' })).toBeEnabled()
})

test('Save will open the 2FA confirmation pop-up window', async ({ page }) => {
  await change(page)
  await expect(pop(page).getByRole('heading', { name: 'Two-Factor Authentication' })).toBeVisible()
  await expect(pop(page)).toContainText('edit key bot-1: + Funds Internal')
  await expect(page.getByLabel('Code')).toHaveAttribute('autocomplete', 'one-time-code')
  await expect(page.getByLabel('Code')).toHaveAttribute('inputmode', 'numeric')
  await expect(page.getByLabel('Code')).toBeFocused()
})

test('Cancel will discard all changes and close this pop-up window', async ({ page }) => {
  await openEdit(page)
  await page.getByRole('switch', { name: 'Funds External' }).check()
  await acknowledge(page)
  await page.getByRole('button', { name: 'Cancel' }).click()
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await openEdit(page)
  await expect(page.getByRole('switch', { name: 'Funds External' })).not.toBeChecked()
  await expect(row(page)).toContainText('Active')
})

test('The verification code sent via SMS will expire in 5 minutes; you need to request a new one', async ({ page }) => {
  await page.clock.install()
  await change(page)
  await expect(pop(page)).toContainText(/valid for (5:00|4:59)/)
  await page.clock.fastForward('04:57')
  await expect(page.getByLabel('Code')).toBeVisible()
  await page.clock.fastForward('00:05')
  await expect(pop(page)).toContainText('This code has expired. Request a new one')
  await expect(page.getByLabel('Code')).toHaveCount(0)
  await expect(page.getByRole('button', { name: 'Request a new code' })).toBeVisible()
})

test('In case you did not get the SMS code after 2 minutes "Resend" button would appear', async ({ page }) => {
  await page.clock.install()
  await change(page)
  await page.clock.fastForward('01:56')
  await expect(page.getByRole('button', { name: 'Resend' })).toHaveCount(0)
  await page.clock.fastForward('00:05')
  await expect(page.getByRole('button', { name: 'Resend' })).toBeVisible()
})

test('Once the SMS step is passed, you will need to activate the edited API Key', async ({ page }) => {
  await changed(page)
  await expect(pop(page)).toContainText('it is inactive now')
  await expect(page.getByRole('button', { name: 'ACTIVATE', exact: true })).toBeVisible()
})

test('Activate will open the Email confirmation pop-up window; then you will see the successful pop-up window', async ({
  page,
}) => {
  await changed(page)
  const before = await codes(who.email)
  await page.getByRole('button', { name: 'ACTIVATE', exact: true }).click()
  await expect(pop(page).getByRole('heading', { name: 'E-mail confirmation' })).toBeVisible()
  await expect(pop(page)).toContainText(`by e-mail to ${who.email}`)
  await confirm(page, who.email, before)
  await expect(pop(page).getByRole('heading', { name: 'The API key is active' })).toBeVisible()
  await expect(pop(page)).toContainText('The gateway has confirmed')
  await page.getByRole('button', { name: 'Done' }).click()
  await expect(row(page)).toContainText('Active')
  await expect(row(page)).toContainText('Funds Internal')
})

test('Activate Later will close this pop-up window; your API Key would be updated but needs to be activated later on', async ({
  page,
}) => {
  await changed(page)
  await page.getByRole('button', { name: 'ACTIVATE LATER' }).click()
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(row(page)).toContainText('Inactive')
  await expect(row(page)).toContainText('Funds Internal')
  const before = await codes(who.email)
  await page.getByRole('link', { name: 'Activate bot-1' }).click()
  await page.getByRole('button', { name: 'ACTIVATE', exact: true }).click()
  expect(await code(who.email, before)).toMatch(/^\d{6}$/)
})

test('If you need to temporarily stop a certain API Key follow this link', async ({ page }) => {
  await openEdit(page)
  await page.getByRole('link', { name: 'Deactivate it' }).click()
  await expect(pop(page).getByRole('heading', { name: 'Deactivate API key bot-1' })).toBeVisible()
  await page.getByRole('button', { name: 'Deactivate' }).click()
  await expect(pop(page)).toContainText('was deactivated')
})
