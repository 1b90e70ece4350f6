import { addPasskey, device } from './device'
import { confirmed, expect, listed, openEdit, type Page, pop, row, save, test, tick, toggle } from './fixture'
import { codes, newKey } from './world'

// Passkeys as a second factor, with the browser's own authenticator.

const button = (page: Page, name: string) => pop(page).getByRole('button', { name, exact: true })

/** Turns a permission of bot-1 on and saves; the pop-up that asks for the passkey is open then. */
async function change(page: Page, permission: string) {
  await openEdit(page)
  await toggle(page, permission).check()
  await tick(page).check()
  await save(page).click()
  await expect(pop(page)).toContainText('Your browser asks for this passkey.')
}

const none = 'No passkey was used. Try again, or take another factor.'

test('a passkey is added behind the proof of the factor that is there, listed, and known again', async ({
  page,
  who,
}) => {
  await device(page)
  const before = await codes(who.phone)
  await addPasskey(page, who)
  expect(await codes(who.phone), 'the phone had to prove it').toBe(before + 1)
  const mine = page.getByRole('list', { name: 'Second factors' }).getByRole('listitem')
  await expect(mine).toHaveCount(2)
  await expect(mine.filter({ hasText: 'Passkey laptop' })).toContainText('Last used never')

  await page.goto('/settings/security/add-passkey')
  await page.getByLabel('Your password').fill(who.password)
  await button(page, 'Continue').click()
  await button(page, 'Use the passkey').click()
  await button(page, 'Create the passkey').click()
  await expect(pop(page)).toContainText('This device has a passkey for your account already.')
  await page.goto('/settings/security')
  await expect(mine).toHaveCount(2)
})

test('a key is created and edited with the passkey alone, and the phone is still there to choose', async ({
  page,
  who,
}) => {
  await device(page)
  await addPasskey(page, who)
  const sms = await codes(who.phone)
  await page.goto('/settings/api-keys')
  await page.getByRole('link', { name: '+ NEW API KEY' }).first().click()
  await page.getByLabel('Name', { exact: true }).fill('bot-1')
  await button(page, 'CREATE API KEY').click()
  await expect(pop(page)).toContainText('The passkey confirms exactly this:')
  await expect(pop(page)).toContainText('create key bot-1')
  await button(page, 'Use the passkey').click()
  await expect(page.getByText(/^lks_/)).toBeVisible()
  await page.getByLabel('I have saved the secret').check()
  await button(page, 'ACTIVATE LATER').click()

  await change(page, 'Trade')
  await button(page, 'Use another factor').click()
  await expect(pop(page).getByRole('button', { name: /^SMS to / })).toBeVisible()
  await button(page, 'Passkey laptop').click()
  await button(page, 'Use the passkey').click()
  await expect(pop(page)).toContainText('The changes are saved')
  await button(page, 'ACTIVATE LATER').click()
  await expect(row(page)).toContainText('Trade')
  expect(await codes(who.phone), 'no code was sent beside it').toBe(sms)
})

test('a finger that is not the right one changes nothing, says what to do, and loses no form', async ({
  page,
  who,
}) => {
  const finger = await device(page)
  await addPasskey(page, who)
  await listed(page, who)
  await change(page, 'Funds Internal')
  await finger.verified(false)
  await button(page, 'Use the passkey').click()
  await expect(pop(page)).toContainText(none)
  await expect(button(page, 'Use the passkey'), 'ready for another try').toBeFocused()
  await page.keyboard.press('Escape')
  await expect(toggle(page, 'Funds Internal')).toBeChecked()
  await expect(tick(page)).toBeChecked()
  await expect(row(page)).toContainText('Active')

  await finger.verified(true)
  await save(page).click()
  await button(page, 'Use the passkey').click()
  await expect(pop(page)).toContainText('The changes are saved')
})

test('a question of the browser that nobody answers is taken back with the pop-up, and does not block the next', async ({
  page,
  who,
}) => {
  const finger = await device(page)
  await addPasskey(page, who)
  await listed(page, who)
  await finger.touched(false)
  await change(page, 'Funds Internal')
  await button(page, 'Use the passkey').click()
  await expect(page.locator('button[data-loading]')).toHaveCount(1)
  await button(page, 'Cancel').click()
  await expect(toggle(page, 'Funds Internal')).toBeChecked()
  await expect(tick(page)).toBeChecked()

  await finger.touched(true)
  await save(page).click()
  await button(page, 'Use the passkey').click()
  await expect(pop(page)).toContainText('The changes are saved')
  await button(page, 'ACTIVATE LATER').click()
  await expect(row(page)).toContainText('Funds Internal')
})

test('after a passkey that failed, the phone confirms the same request', async ({ page, who }) => {
  const finger = await device(page)
  await addPasskey(page, who)
  await listed(page, who)
  await finger.verified(false)
  await change(page, 'Funds Wallet')
  await button(page, 'Use the passkey').click()
  await expect(pop(page)).toContainText(none)
  await button(page, 'Use another factor').click()
  await confirmed(page, who.phone, () =>
    pop(page)
      .getByRole('button', { name: /^SMS to / })
      .click(),
  )
  await expect(pop(page)).toContainText('The changes are saved')
})

test.describe('a proof that is taken away', () => {
  test.use({ provoked: /status of 4\d\d|ERR_FAILED/ })

  test('the answer of a passkey confirms the one request that it was asked for, once', async ({ page, who }) => {
    await device(page)
    await addPasskey(page, who)
    const { id } = await listed(page, who)
    const other = newKey(who.account, 'bot-2', '--active')
    await change(page, 'Funds Internal')
    // Somebody between the browser and the server keeps the answer back.
    let taken = { url: '', body: '' }
    await page.route('**/v1/pending/*/confirm', (route) => {
      taken = { url: route.request().url(), body: route.request().postData() ?? '' }
      return route.abort()
    })
    await button(page, 'Use the passkey').click()
    await expect(pop(page)).toContainText('Latchkey cannot be reached')
    await page.unroute('**/v1/pending/*/confirm')

    const headers = { 'Content-Type': 'application/json', 'Sec-Fetch-Site': 'same-origin' }
    const replay = (url: string) => page.request.post(url, { data: taken.body, headers })
    const edit = await page.request.patch(`/v1/keys/${other.id}`, {
      data: { version: 2, permissions: ['read', 'funds_external'] },
      headers,
    })
    const second: { id: string; factorKind: string } = await edit.json()
    expect(second, 'the other pending asks for the same passkey').toMatchObject({ factorKind: 'passkey' })
    const refused = await replay(`/v1/pending/${second.id}/confirm`)
    expect(refused.status()).toBe(422)
    expect(await refused.json()).toMatchObject({ code: 'wrong_code', triesLeft: 4 })

    const status = async (key: string) => (await (await page.request.get(`/v1/keys/${key}`)).json()).status
    expect(await status(other.id)).toBe('active')
    expect((await replay(taken.url)).status(), 'where it belongs, it is right').toBe(200)
    expect(await status(id)).toBe('inactive')
    expect((await replay(taken.url)).status(), 'once').not.toBe(200)
  })
})

test('removing the passkey asks for the password and a proof; the last factor stays', async ({ page, who }) => {
  await device(page)
  await addPasskey(page, who)
  const mine = page.getByRole('list', { name: 'Second factors' }).getByRole('listitem')
  const remove = (name: RegExp) => mine.filter({ hasText: name }).getByRole('link', { name: 'Remove' }).click()
  await remove(/Phone/)
  await expect(button(page, 'Remove')).toBeDisabled()
  await page.getByLabel('Your password').fill(who.password)
  await button(page, 'Remove').click()
  await expect(pop(page)).toContainText('The passkey confirms exactly this:')
  await page.keyboard.press('Escape')
  await expect(pop(page)).toContainText('Remove this second factor?')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(mine, 'without the proof nothing is removed').toHaveCount(2)

  await remove(/Phone/)
  await page.getByLabel('Your password').fill(who.password)
  await button(page, 'Remove').click()
  await button(page, 'Use the passkey').click()
  await expect(mine).toHaveCount(1)
  await remove(/Passkey laptop/)
  await expect(pop(page)).toContainText('This is your only second factor, so it stays')
  await expect(page.getByLabel('Your password')).toHaveCount(0)
})

test('the sign-in takes the passkey as its second step; without a touch nobody gets in', async ({ page, who }) => {
  const finger = await device(page)
  await addPasskey(page, who)
  await page.getByRole('button', { name: 'Sign out', exact: true }).first().click()
  await expect(page.getByRole('heading', { name: 'Sign in to your account' })).toBeVisible()
  await page.getByLabel('E-mail').fill(who.email)
  await page.getByLabel('Password', { exact: true }).fill(who.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await finger.verified(false)
  const use = page.getByRole('button', { name: 'Use the passkey' })
  await use.click()
  await expect(page.getByText(none)).toBeVisible()
  expect((await page.request.get('/v1/keys')).status()).toBe(401)
  await finger.verified(true)
  await use.click()
  await expect(page.getByRole('heading', { name: 'API Keys Management' })).toBeVisible()
})
