import { change, expect, type Page, pop, row, tick, toggle } from './fixture'
import { listed, newOwner, past, test, totp } from './timers'
import { code, codes } from './world'

// The minutes of a code and of the request that waits for it, to the second.

const field = (page: Page) => page.getByLabel('Code', { exact: true })
const timer = (page: Page) => page.getByRole('timer')
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

/** Types a code into the pop-up and confirms. */
async function give(page: Page, text: string): Promise<void> {
  await field(page).fill(text)
  await button(page, 'Confirm').click()
}

/** Does what sends a code, and returns that code. */
async function sent(to: string, send: () => Promise<unknown>): Promise<string> {
  const before = await codes(to)
  await send()
  return code(to, before)
}

/** The form below the pop-up is as it was filled in; nothing of it is saved. */
async function kept(page: Page): Promise<void> {
  await expect(page).toHaveURL(/\/edit/)
  await expect(toggle(page, 'Funds Internal')).toBeChecked()
  await expect(tick(page)).toBeChecked()
}

test('an SMS code counts at 4:59', async ({ page, who, clock }) => {
  await listed(page, who)
  clock.zero()
  const text = await sent(who.phone, () => change(page))
  await expect(timer(page)).toHaveText('The code is valid for 5:00')
  await clock.at('4:59')
  await expect(timer(page)).toHaveText('The code is valid for 0:01')
  await give(page, text)
  await expect(pop(page)).toContainText('The changes are saved')
})

test.describe('refused by the server', () => {
  test.use({ provoked: /status of 4(09|22|29)/ })

  test('an SMS code at 5:00, and the pop-up offers another one', async ({ page, who, clock }) => {
    await listed(page, who)
    clock.zero()
    const first = await sent(who.phone, () => change(page))
    await clock.at('4:59')
    await clock.server(1) // the page does not know yet
    await give(page, first)
    await expect(pop(page)).toContainText('This code has expired. Request a new one')
    await expect(button(page, 'Confirm'), 'one thing to do, one button for it').toHaveCount(0)
    await kept(page)
    const second = await sent(who.phone, () => button(page, 'Request a new code').click())
    await give(page, first)
    await expect(pop(page), 'an expired code costs no try, the one before does').toContainText(
      'You can try 4 more times',
    )
    await give(page, second)
    await expect(pop(page)).toContainText('The changes are saved')
  })

  test('Resend before 2:00, the codes before the newest, and a fourth code', async ({ page, who, clock }) => {
    await listed(page, who)
    clock.zero()
    const first = await sent(who.phone, () => change(page))
    await clock.at('1:59')
    await expect(pop(page)).toContainText('Resend in 0:01')
    await expect(button(page, 'Resend')).toHaveCount(0)
    expect(await past(page, 'resend')).toMatchObject({ status: 429, code: 'resend_too_early', retryAfter: 1 })
    await clock.at('2:00')
    const second = await sent(who.phone, () => button(page, 'Resend').click())
    await expect(timer(page)).toHaveText('The code is valid for 5:00')
    await give(page, first)
    await expect(pop(page)).toContainText('Wrong code. You can try 4 more times.')

    await clock.at('3:59')
    await expect(button(page, 'Resend')).toHaveCount(0)
    await clock.at('4:00')
    const third = await sent(who.phone, () => button(page, 'Resend').click())
    await give(page, second)
    await expect(pop(page)).toContainText('Wrong code. You can try 3 more times.')
    await clock.at('6:00')
    await expect(timer(page)).toHaveText('The code is valid for 3:00')
    await expect(pop(page)).not.toContainText('Resend')
    expect(await past(page, 'resend')).toMatchObject({ status: 429, code: 'no_sends_left' })
    await give(page, third)
    await expect(pop(page)).toContainText('The changes are saved')
  })

  test('the third code at 5:00, and then only a new beginning is left', async ({ page, who, clock }) => {
    await listed(page, who)
    clock.zero()
    await change(page)
    await clock.at('2:00')
    await button(page, 'Resend').click()
    await expect(timer(page)).toHaveText('The code is valid for 5:00')
    await clock.at('4:00')
    const third = await sent(who.phone, () => button(page, 'Resend').click())
    await clock.at('9:00')
    await expect(pop(page)).toContainText('This code has expired, and no more codes can be sent')
    expect(await past(page, 'confirm', { code: third })).toMatchObject({ status: 409, code: 'code_expired' })
    expect(await past(page, 'resend')).toMatchObject({ status: 429, code: 'no_sends_left' })
    await kept(page)
    await give(page, await sent(who.phone, () => button(page, 'Begin again').click()))
    await expect(pop(page)).toContainText('The changes are saved')
  })

  test('a request that waited 15:00; the form goes on in a new one', async ({ page, who, clock }) => {
    await listed(page, who)
    clock.zero()
    await change(page)
    await clock.at('5:00')
    await expect(pop(page)).toContainText('This code has expired. Request a new one')
    await clock.at('14:59')
    const late = await sent(who.phone, () => button(page, 'Request a new code').click())
    await expect(field(page)).toBeVisible()
    await clock.at('15:00')
    await expect(pop(page)).toContainText('This request has expired')
    expect(await past(page, 'confirm', { code: late })).toMatchObject({ status: 409, code: 'pending_expired' })
    await kept(page)
    await give(page, await sent(who.phone, () => button(page, 'Begin again').click()))
    await expect(pop(page)).toContainText('The changes are saved')
  })

  test('an e-mail code: Resend at 2:00, the one before, and 5:00', async ({ page, who, clock }) => {
    await listed(page, who, false)
    await page.getByRole('link', { name: 'Activate bot-1' }).click()
    clock.zero()
    const first = await sent(who.email, () => button(page, 'ACTIVATE').click())
    await clock.at('1:59')
    await expect(pop(page)).toContainText('Resend in 0:01')
    await expect(button(page, 'Resend')).toHaveCount(0)
    expect(await past(page, 'resend')).toMatchObject({ status: 429, code: 'resend_too_early' })
    await clock.at('2:00')
    const second = await sent(who.email, () => button(page, 'Resend').click())
    await give(page, first)
    await expect(pop(page)).toContainText('Wrong code. You can try 4 more times.')
    await clock.at('7:00')
    await expect(pop(page)).toContainText('This code has expired. Request a new one')
    expect(await past(page, 'confirm', { code: second })).toMatchObject({ status: 409, code: 'code_expired' })
    const third = await sent(who.email, () => button(page, 'Request a new code').click())
    await clock.at('11:59')
    await give(page, third)
    await expect(pop(page)).toContainText('bot-1 was activated')
    await button(page, 'Done').click()
    await expect(row(page)).toContainText('Active')
  })

  test('a code of the app, the second time it is typed', async ({ page, clock }) => {
    const owner = await newOwner(true)
    await page.goto('/sign-in')
    await page.getByLabel('E-mail').fill(owner.email)
    await page.getByLabel('Password', { exact: true }).fill(owner.password)
    await button(page, 'Sign in').click()
    const shown = await totp(owner.seed)
    await give(page, shown)
    await expect(page.getByRole('heading', { level: 1, name: 'API Keys Management' })).toBeVisible()

    await listed(page, owner)
    clock.zero()
    await change(page)
    await expect(timer(page), 'the app makes its own codes').toHaveCount(0)
    await give(page, shown)
    await expect(pop(page)).toContainText('This code was used before. Wait until your app shows the next one.')
    await expect(field(page)).toBeFocused()
    await expect(field(page)).toHaveValue('')
    await clock.at('0:30')
    await give(page, await totp(owner.seed))
    await expect(pop(page)).toContainText('The changes are saved')
  })
})

for (const [ahead, what] of [
  [300, 'five minutes fast'],
  [-300, 'five minutes slow'],
] as const) {
  test.describe(`a browser whose clock is ${what}`, () => {
    test.use({ ahead })

    test('counts by the server', async ({ page, who, clock }) => {
      await listed(page, who)
      clock.zero()
      const text = await sent(who.phone, () => change(page))
      await expect(timer(page)).toHaveText('The code is valid for 5:00')
      await expect(pop(page)).toContainText('Resend in 2:00')
      await clock.at('2:00')
      await expect(button(page, 'Resend')).toBeVisible()
      await clock.at('4:59')
      await expect(timer(page)).toHaveText('The code is valid for 0:01')
      await give(page, text)
      await expect(pop(page)).toContainText('The changes are saved')
    })
  })
}
