import type { Page } from '@playwright/test'
import { Session } from '../session'
import { enter, newKey } from '../world'
import type { Shot } from './keys'

/** The WebSocket sessions of a key: none, some, and the question before one is ended. */
export async function live(page: Page, shot: Shot): Promise<void> {
  const who = await enter(page)
  const key = newKey(who.account, 'bot-1', '--active')
  const off = newKey(who.account, 'bot-2')
  await page.goto(`/settings/api-keys/${off.id}/sessions`)
  await page.getByText('This key is inactive').waitFor()
  await shot('inactive')
  await page.goto(`/settings/api-keys/${key.id}/sessions`)
  await page.getByText('It appears here').waitFor()
  await shot('none')
  const bots = [await Session.open(key), await Session.open(key)]
  await bots[1]?.ask('get_my_account_status_v3')
  await page.getByText('2 live sessions').waitFor()
  await shot('two')
  await page.getByRole('button', { name: 'End the session' }).first().click()
  await page.getByRole('button', { name: 'Keep' }).waitFor()
  await shot('question')
  await page.getByRole('button', { name: 'End it' }).click()
  await page.getByText('was ended').waitFor()
  await shot('ended')
  for (const bot of bots) bot.end()
}
