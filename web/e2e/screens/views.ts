import type { Page } from '@playwright/test'
import { codes, enter, newKey } from '../world'
import { button, confirm, type Shot } from './keys'

/** The menu, API methods and Account Activities. */
export async function views(page: Page, shot: Shot): Promise<void> {
  const who = await enter(page)
  const key = newKey(who.account, 'bot-1', '--permissions', 'read,trade', '--ip', '8.8.8.8', '--active')
  await methods(page, shot)
  await page.goto('/settings/api-keys')
  await page.getByRole('link', { name: 'Edit bot-1' }).click()
  await page.getByRole('switch', { name: 'Funds Internal' }).check()
  await page.getByLabel('Add addresses').fill('9.9.9.0/24 2a00:1450:4001:830::/64 1.1.1.1 8.8.4.4 52.10.0.7 52.10.0.8 ')
  await page.getByLabel('I understand').check()
  const before = await codes(who.phone)
  await button(page, 'Save').click()
  await page.getByLabel('Code', { exact: true }).fill('000000')
  await button(page, 'Confirm').click()
  await page.getByText('Wrong code').waitFor()
  await confirm(page, who.phone, before)
  await page.getByText('The changes are saved').waitFor()
  await page.goto('/activities')
  await page.getByRole('table').getByText('Second factor added').waitFor()
  await shot('activities')
  await page.goto(`/activities?key=${key.id}&type=keys&period=all`)
  await page.getByText('Only about the key').waitFor()
  await shot('activities-of-a-key')
  await page.goto('/activities?period=custom&from=2026-01-01&to=2025-12-31')
  await page.getByText('The last day is before').waitFor()
  await shot('activities-backwards')
  await page.goto('/activities?type=key_deleted')
  await page.getByText('Nothing happened').waitFor()
  await shot('activities-none')
  await page.setViewportSize({ width: 375, height: 740 })
  await button(page, 'Open the menu').click()
  await shot('menu', 375)
}

async function methods(page: Page, shot: Shot) {
  await page.goto('/methods')
  await page.getByText('do_my_new_order').waitFor()
  await shot('methods')
  await page.goto('/methods?permission=trade&method=do_my_new_order')
  await page.getByText('Example for').waitFor({ state: 'attached' })
  await shot('method')
  await page.getByText('WebSocket', { exact: true }).first().click()
  await shot('method-websocket')
  await page.goto('/methods?permission=public&method=get_server_time')
  await page.getByText('Example for').waitFor({ state: 'attached' })
  await shot('method-public')
  await page.goto('/methods?q=nothing-of-that-name')
  await page.getByText('No method matches').waitFor()
  await shot('methods-none')
}
