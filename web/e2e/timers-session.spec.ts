import { confirmed, expect, openEdit, type Page, pop, save, tick, toggle } from './fixture'
import { fresh, listed, newOwner, test } from './timers'
import { messages } from './world'

// The hour of a session, and the half hour of a link.

const password = 'another sentence that nobody guesses'

/** Asks for a new password and returns the link of the mail. */
async function forgotten(page: Page, email: string): Promise<string> {
  await page.goto('/forgot')
  await page.getByLabel('E-mail').fill(email)
  await page.getByRole('button', { name: 'Send the link' }).click()
  await expect(page.getByText('Look into your mailbox')).toBeVisible()
  let link: string | undefined
  await expect(async () => {
    link = (await messages(email)).map((m) => m.text.match(/http\S+\/reset#\S+/)?.[0]).find(Boolean)
    expect(link).toBeDefined()
  }).toPass({ intervals: [50] })
  return link ?? ''
}

test.describe('a session', () => {
  test.use({ provoked: /status of 401/ })

  test('that is idle for an hour in the middle of an edit: after the sign-in the form goes on', async ({
    page,
    who,
    clock,
  }) => {
    await listed(page, who)
    await openEdit(page)
    await toggle(page, 'Funds Wallet').check()
    await tick(page).check()
    clock.zero()
    await clock.at('59:59')
    await save(page).click()
    await expect(pop(page).getByRole('heading', { name: 'Two-Factor Authentication' })).toBeVisible()
    await page.goBack()
    await expect(page.getByRole('dialog')).toHaveCount(1)
    await page.waitForLoadState('networkidle') // what is still asked for keeps the session awake
    clock.zero()
    await clock.at('60:00')
    await save(page).click()
    await expect(pop(page).getByRole('heading', { name: 'Your session has ended' })).toBeVisible()
    await expect(page.getByLabel('E-mail')).toHaveValue(who.email)
    await page.getByLabel('Password', { exact: true }).fill(who.password)
    await confirmed(page, who.phone, () => page.getByRole('button', { name: 'Sign in' }).click())

    await expect(pop(page).getByRole('heading', { name: 'Two-Factor Authentication' })).toBeVisible()
    await page.goBack()
    await expect(toggle(page, 'Funds Wallet')).toBeChecked()
    await expect(tick(page)).toBeChecked()
    await confirmed(page, who.phone, () => save(page).click())
    await expect(pop(page)).toContainText('The changes are saved')
  })
})

test.describe('a link', () => {
  test.use({ provoked: /status of 422/ })

  for (const [at, says] of [
    ['29:59', 'Your password is set'],
    ['30:00', 'This link was used, has expired, or a newer one was sent.'],
  ] as const) {
    test(`for a new password at ${at}`, async ({ page, clock }) => {
      const { email } = await newOwner()
      clock.zero()
      const link = await forgotten(page, email)
      await page.goto(link)
      await clock.at(at)
      await page.getByLabel('New password').fill(password)
      await page.getByRole('button', { name: 'Set the password' }).click()
      await expect(page.getByText(says)).toBeVisible()
    })
  }

  for (const [at, says] of [
    ['29:59', 'Your account is ready'],
    ['30:00', 'This link was used or has expired.'],
  ] as const) {
    test(`of the first start at ${at}`, async ({ page, clock }) => {
      clock.zero()
      await page.goto(await fresh())
      await page.getByLabel('Name of the account').fill('First')
      await page.getByLabel('E-mail of the owner').fill('first@example.com')
      await page.getByLabel('Password of the owner').fill(password)
      await clock.at(at)
      await page.getByRole('button', { name: 'Make the account' }).click()
      await expect(page.getByText(says)).toBeVisible()
    })
  }
})
