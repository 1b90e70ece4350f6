import { Bot } from './bot'
import { expect, listed, type Page, pop, save, test, tick, toggle } from './fixture'
import { code, codes } from './world'

const read = 'get_my_account_status_v3'
const trade = 'do_my_new_order'
const internal = 'do_my_internal_transfer'

test('a bot beside the edit is refused from the moment Save is confirmed, and works after the activation under the new rules only', async ({
  page,
  who,
}) => {
  const bot = new Bot(await listed(page, who, '--permissions', 'read,trade', '--active'))
  bot.run(read, trade, internal)
  try {
    await expect
      .poll(() => reasons(bot, 0), 'before')
      .toEqual({ [read]: 'passed', [trade]: 'passed', [internal]: 'permission_missing' })

    const before = await codes(who.phone)
    await swap(page)
    const opened = now()
    await expect
      .poll(() => reasons(bot, opened), 'an edit that is not confirmed changes nothing')
      .toEqual({ [read]: 'passed', [trade]: 'passed', [internal]: 'permission_missing' })
    await page.getByLabel('Code', { exact: true }).fill(await code(who.phone, before))
    const answered = page.waitForResponse((r) => r.url().endsWith('/confirm'))
    await page.getByRole('button', { name: 'Confirm' }).click()
    await answered
    const closed = now()
    const first = await Promise.all([read, trade, internal].map((action) => bot.call(action)))
    expect(
      first.map((call) => call.code),
      'the first calls after the answer',
    ).toEqual(Array(3).fill('key_not_activated'))
    await expect(pop(page)).toContainText('The changes are saved')
    const shown = now()
    await expect
      .poll(() => reasons(bot, shown), 'until it is activated')
      .toEqual({ [read]: 'key_not_activated', [trade]: 'key_not_activated', [internal]: 'key_not_activated' })

    const mails = await codes(who.email)
    await page.getByRole('button', { name: 'ACTIVATE', exact: true }).click()
    await page.getByLabel('Code', { exact: true }).fill(await code(who.email, mails))
    const activating = now()
    await page.getByRole('button', { name: 'Confirm' }).click()
    await expect(pop(page)).toContainText('The API key is active')
    const active = now()
    await expect
      .poll(() => reasons(bot, active), 'afterwards')
      .toEqual({ [read]: 'passed', [trade]: 'permission_missing', [internal]: 'passed' })

    const between = bot.calls.filter((call) => call.sent > closed && call.answered < activating)
    expect(between.length).toBeGreaterThan(3)
    expect(
      between.filter((call) => call.code !== 'key_not_activated'),
      'calls that were let through',
    ).toEqual([])
    const later = bot.calls.filter((call) => call.sent > active)
    expect(later.filter((call) => call.action === trade && call.code !== 'permission_missing')).toEqual([])
    const old = bot.calls.filter((call) => call.answered < closed && call.action === internal)
    expect(
      old.filter((call) => call.code === 'passed'),
      'nothing passes under the new rules before the activation',
    ).toEqual([])
  } finally {
    bot.stop()
  }
})

/** Trade off, Funds Internal on; the 2FA pop-up is open then. */
async function swap(page: Page) {
  await page.getByRole('link', { name: 'Edit bot-1' }).click()
  await toggle(page, 'Trade').uncheck()
  await toggle(page, 'Funds Internal').check()
  await tick(page).check()
  await save(page).click()
  await expect(page.getByLabel('Code', { exact: true })).toBeVisible()
}

const now = () => performance.timeOrigin + performance.now()

/** What each action was told last, of the calls that were sent after a moment. */
function reasons(bot: Bot, after: number): Record<string, string> {
  return Object.fromEntries(bot.calls.filter((call) => call.sent > after).map((call) => [call.action, call.code]))
}
