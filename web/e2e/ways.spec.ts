import {
  change,
  confirmed,
  expect,
  type Locator,
  listed,
  openEdit,
  type Page,
  pop,
  row,
  save,
  test,
  tick,
  toggle,
} from './fixture'
import { code, codes, newKey } from './world'

// The same edit by other ways than a mouse at 1280 px.

test.describe('a phone of 375 px', () => {
  test.use({ viewport: { width: 375, height: 740 }, hasTouch: true, isMobile: true })

  test('the whole edit fits: nothing is cut off, no scrolling sideways', async ({ page, who }) => {
    const card = page.getByRole('listitem').filter({ hasText: 'bot-1' })
    const fits = async (what: string) =>
      expect
        .poll(() => page.evaluate(() => document.documentElement.scrollWidth), `${what} is as wide as the screen`)
        .toBeLessThanOrEqual(375)
    await list(page, who.account, card)
    await fits('the list')
    await card.getByRole('link', { name: 'Edit bot-1' }).tap()
    await expect(pop(page)).toContainText('Edit API key bot-1')
    await toggle(page, 'Funds Internal').tap()
    await page.getByLabel('Add addresses').fill('2a00:1450:4001:0830:0000:0000:0000:200e;')
    await tick(page).tap()
    await fits('the form')
    await expect(save(page)).toBeInViewport({ ratio: 1 })
    await expect(page.getByRole('button', { name: 'Cancel', exact: true })).toBeInViewport({ ratio: 1 })
    await confirmed(page, who.phone, () => save(page).tap())
    await expect(page.getByRole('button', { name: 'ACTIVATE', exact: true })).toBeInViewport({ ratio: 1 })
    await expect(page.getByRole('button', { name: 'ACTIVATE LATER' })).toBeInViewport({ ratio: 1 })
    await fits('the question whether to activate')
    await confirmed(page, who.email, () => page.getByRole('button', { name: 'ACTIVATE', exact: true }).tap())
    await expect(pop(page)).toContainText('The API key is active')
    await page.getByRole('button', { name: 'Done' }).tap()
    await expect(card).toContainText('Funds Internal')
    await fits('the list afterwards')
  })
})

test('the keyboard alone does the whole edit, and the focus comes back', async ({ page, who }) => {
  await listed(page, who)
  const edit = page.getByRole('link', { name: 'Edit bot-1' })
  await tabTo(page, edit)
  await page.keyboard.press('Enter')
  await expect(pop(page)).toContainText('Edit API key bot-1')
  await tabTo(page, toggle(page, 'Funds Internal'))
  await page.keyboard.press('Space')
  await tabTo(page, page.getByRole('button', { name: 'Remove 8.8.8.8', exact: true }))
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Add addresses'), 'the focus is not lost with the chip').toBeFocused()
  await page.keyboard.type('1.1.1.1')
  await page.keyboard.press('Enter')
  await tabTo(page, tick(page))
  await page.keyboard.press('Space')
  await tabTo(page, save(page))
  const sms = await codes(who.phone)
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Code', { exact: true })).toBeFocused()
  await page.keyboard.type(await code(who.phone, sms))
  await page.keyboard.press('Enter')
  await expect(page.getByRole('button', { name: 'ACTIVATE', exact: true })).toBeFocused()
  const mails = await codes(who.email)
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Code', { exact: true })).toBeFocused()
  await page.keyboard.type(await code(who.email, mails))
  await page.keyboard.press('Enter')
  await expect(pop(page)).toContainText('The API key is active')
  await tabTo(page, page.getByRole('button', { name: 'Done' }))
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(row(page)).toContainText('1.1.1.1')
  await expect(edit).toBeFocused()
})

test('Escape closes the topmost pop-up and gives the focus back to what opened it', async ({ page, who }) => {
  await listed(page, who)
  await change(page)
  await page.keyboard.press('Escape')
  await expect(page.getByLabel('Code', { exact: true })).toHaveCount(0)
  await expect(pop(page).locator(':focus'), 'the focus is in the form below').toHaveCount(1)
  await page.keyboard.press('Escape')
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(page.getByRole('link', { name: 'Edit bot-1' })).toBeFocused()
})

test('a list that is read late takes no focus away: not from ACTIVATE, not from the heading after Delete', async ({
  page,
  who,
}) => {
  await listed(page, who)
  await page.route('**/v1/keys', async (route) => {
    const answer = await route.fetch()
    await page.waitForTimeout(1000) // a slow network
    await route.fulfill({ response: answer })
  })
  await confirmed(page, who.phone, () => change(page))
  await expect(page.getByRole('button', { name: 'ACTIVATE', exact: true })).toBeFocused()
  await page.getByRole('button', { name: 'ACTIVATE LATER' }).click()
  await page.getByRole('link', { name: 'Delete bot-1' }).click()
  await confirmed(page, who.phone, () => page.getByRole('button', { name: 'Delete', exact: true }).click())
  await page.getByRole('button', { name: 'Done' }).click()
  await expect(page.getByRole('heading', { name: 'API Keys Management' })).toBeFocused()
  await expect(row(page)).toHaveCount(0)
  await page.unrouteAll({ behavior: 'ignoreErrors' })
})

test('a second Escape in the same moment closes no more than the topmost pop-up', async ({ page, who }) => {
  await listed(page, who)
  await change(page)
  await pop(page).evaluate((dialog) => {
    for (let i = 0; i < 2; i++) dialog.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))
  })
  await expect(page.getByLabel('Code', { exact: true })).toHaveCount(0)
  await expect(toggle(page, 'Funds Internal')).toBeChecked()
  await pop(page).evaluate((dialog) => {
    for (let i = 0; i < 2; i++) dialog.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))
  })
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(page).toHaveURL('/settings/api-keys')
  await expect(row(page)).toBeVisible()
})

test('after each pop-up of a key the focus is where it was opened; of a key that is gone, at the heading', async ({
  page,
  who,
}) => {
  await listed(page, who)
  const act = (name: string) => page.getByRole('link', { name: `${name} bot-1` })
  const done = () => page.getByRole('button', { name: 'Done' }).click()
  await act('Deactivate').click()
  await page.getByRole('button', { name: 'Deactivate', exact: true }).click()
  await done()
  await expect(act('Activate'), 'the button that took its place').toBeFocused()
  await act('Activate').click()
  await confirmed(page, who.email, () => page.getByRole('button', { name: 'ACTIVATE', exact: true }).click())
  await done()
  await expect(act('Deactivate')).toBeFocused()

  await confirmed(page, who.phone, () => change(page))
  await page.getByRole('button', { name: 'ACTIVATE LATER' }).click()
  await expect(act('Edit')).toBeFocused()
  await openEdit(page)
  await page.getByRole('button', { name: 'Close' }).click()
  await expect(act('Edit')).toBeFocused()

  await act('Delete').click()
  await page.getByRole('button', { name: 'Cancel', exact: true }).click()
  await expect(act('Delete')).toBeFocused()
  await act('Delete').click()
  await confirmed(page, who.phone, () => page.getByRole('button', { name: 'Delete', exact: true }).click())
  await expect(pop(page)).toContainText('was deleted')
  await done()
  await expect(row(page)).toHaveCount(0)
  await expect(page.getByRole('heading', { name: 'API Keys Management' })).toBeFocused()
})

for (const reducedMotion of ['reduce', 'no-preference'] as const) {
  test.describe(`prefers-reduced-motion: ${reducedMotion}`, () => {
    test.use({ contextOptions: { reducedMotion } })

    test(`an edit ${reducedMotion === 'reduce' ? 'moves nothing' : 'may move'}`, async ({ page, who }) => {
      await listed(page, who)
      await openEdit(page)
      await tick(page).check()
      const longest = await page.evaluate(() => {
        const all = [...document.querySelectorAll('*')].map((e) => getComputedStyle(e))
        const lists = all.flatMap((s) => [s.transitionDuration, s.animationDuration]).flatMap((d) => d.split(', '))
        return Math.max(...lists.map((d) => Number.parseFloat(d) * (d.endsWith('ms') ? 1 : 1000)))
      })
      if (reducedMotion === 'reduce') expect(longest, 'milliseconds that anything moves').toBeLessThan(1)
      else expect(longest, 'the measure finds what moves').toBeGreaterThan(50)
    })
  })
}

async function list(page: Page, account: string, card: Locator) {
  newKey(account, 'bot-1', '--permissions', 'read,trade', '--ip', '8.8.8.8', '--active')
  await page.goto('/settings/api-keys')
  await expect(card).toBeVisible()
}

/** Presses Tab until the element has the focus; a keyboard that cannot get there fails the test. */
async function tabTo(page: Page, to: Locator) {
  await expect(to).toBeVisible()
  for (let i = 0; i < 60; i++) {
    if (await to.evaluate((e) => e === document.activeElement)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab does not lead to ${to}`)
}
