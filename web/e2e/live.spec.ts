import { button, go, look } from './axe'
import { expect, listed, type Page, pop, row, test } from './fixture'
import { Session } from './session'
import { newKey } from './world'

// The WebSocket sessions of bots, as their owner sees and ends them.

test.use({ provoked: /status of 404|ERR_FAILED/ })

const sessions = (page: Page) => pop(page).getByRole('table').getByRole('row').filter({ hasText: '127.0.0.1' })

test('the owner sees the live sessions of a bot and ends one; the other goes on', async ({ page, who }) => {
  const key = await listed(page, who, '--permissions', 'read', '--active')
  await expect(row(page)).toContainText('No live sessions')
  await page.getByRole('link', { name: 'No live sessions of bot-1' }).click()
  await expect(pop(page)).toContainText('It appears here when a program connects')
  await look(page, 'no sessions')

  // They appear while the list is looked at.
  const [one, two] = [await Session.open(key), await Session.open(key)]
  await expect(sessions(page)).toHaveCount(2)
  await expect(pop(page).getByText('2 live sessions')).toBeVisible()
  await two.ask('get_my_account_status_v3')
  const busy = sessions(page).filter({ hasText: 'get_my_account_status_v3' })
  await expect(busy).toHaveCount(1)
  await look(page, 'two sessions')

  const idle = sessions(page).filter({ hasText: 'None yet' })
  await idle.getByRole('button', { name: 'End the session of 127.0.0.1' }).click()
  await expect(button(page, 'Keep')).toBeFocused()
  await look(page, 'the question')
  await button(page, 'Keep').click()
  await expect(idle.getByRole('button', { name: 'End the session of 127.0.0.1' })).toBeFocused()
  await page.keyboard.press('Enter')
  await button(page, 'End it').click()
  await expect(pop(page).getByRole('status').first()).toHaveText('The session of 127.0.0.1 was ended.')
  await expect(sessions(page)).toHaveCount(1)
  await expect(pop(page).getByRole('heading', { name: 'Live sessions of bot-1' })).toBeFocused()
  expect(one.closed, 'the bot is told by 4403').toBe(4403)
  expect(one.messages.at(-1)).toMatchObject({ e: 'disconnected', code: 'session_ended' })
  expect(two.closed).toBe(0)
  expect(await two.ask('get_my_account_status_v3')).toMatchObject({ ok: 'ok' })

  await button(page, 'Close').last().click()
  await expect(row(page)).toContainText('1 live session')
  await page.goto('/activities?type=key_session_ended')
  await expect(page.getByRole('table')).toContainText('of 127.0.0.1, open since')

  // A key that is deactivated has no sessions when its owner is told.
  await page.goto(`/settings/api-keys/${key.id}/deactivate`)
  await button(page, 'Deactivate').click()
  await expect(pop(page)).toContainText('was deactivated')
  await expect.poll(() => two.closed).toBe(4401)
  await go(page, `/settings/api-keys/${key.id}/sessions`, 'Live sessions of bot-1')
  await expect(pop(page)).toContainText('This key is inactive')
  two.end()
})

test('a session that ended by itself just before is told as that', async ({ page, who }) => {
  const key = newKey(who.account, 'bot-1', '--active')
  const bot = await Session.open(key)
  await go(page, `/settings/api-keys/${key.id}/sessions`, 'Live sessions of bot-1')
  await button(page, 'End the session of 127.0.0.1').click()
  await page.route('**/sessions', (route) => route.abort()) // the list stays as it was seen
  bot.end()
  const gone = async () => (await (await page.request.get(`/v1/keys/${key.id}/sessions`)).json()).items
  await expect.poll(gone).toHaveLength(0)
  await button(page, 'End it').click()
  await expect(pop(page)).toContainText('The session of 127.0.0.1 had ended by itself already.')
  await expect(pop(page)).toContainText('This list is not up to date any more.')
  await page.unroute('**/sessions')
  await expect(pop(page)).toContainText('No live sessions')
})

test('the list is read for five minutes only, so that it keeps nobody signed in', async ({ page, who }) => {
  const key = newKey(who.account, 'bot-1', '--active')
  await page.clock.install()
  await go(page, `/settings/api-keys/${key.id}/sessions`, 'Live sessions of bot-1')
  await page.clock.runFor('05:01')
  await expect(pop(page)).toContainText('This list is not renewed any more.')
  let read = 0
  page.on('request', (r) => {
    if (r.url().endsWith('/sessions')) read++
  })
  await page.clock.runFor('00:30')
  expect(read, 'requests of a list that rests').toBe(0)
  await button(page, 'Watch on').click()
  await expect(pop(page)).not.toContainText('not renewed')
  const goesOn = async () => {
    await page.clock.runFor('00:03')
    return read
  }
  await expect.poll(goesOn, 'requests of a list that is watched').toBeGreaterThan(2)
})

test('on a phone each session is a card, and nothing is wider than the screen', async ({ page, who }) => {
  await page.setViewportSize({ width: 375, height: 740 })
  const key = newKey(who.account, 'bot-1', '--active')
  const bot = await Session.open(key)
  await bot.ask('get_my_account_status_v3')
  await go(page, `/settings/api-keys/${key.id}/sessions`, 'Live sessions of bot-1')
  await look(page, 'sessions on a phone')
  await page.getByRole('button', { name: 'End the session of 127.0.0.1' }).click()
  await look(page, 'the question on a phone')
  await button(page, 'End it').click()
  await expect(pop(page)).toContainText('No live sessions')
  expect(bot.closed).toBe(4403)
})
