import type { Page } from '@playwright/test'
import { code, codes, enter, newKey } from '../world'
import { button, confirm, type Shot } from './keys'

// The pictures of what goes wrong.

async function edit(page: Page) {
  await page.getByRole('link', { name: 'Edit bot-1' }).click()
  await page.getByRole('switch', { name: 'Funds Internal' }).check()
  await page.getByLabel('I understand').check()
}

async function asked(page: Page) {
  await button(page, 'Save').click()
  await page.getByLabel('Code', { exact: true }).waitFor()
}

const bot1 = ['--permissions', 'read,trade', '--ip', '8.8.8.8', '--active']

/** Codes that are wrong, late or too many, and a key that another one changed. */
export async function trouble(page: Page, shot: Shot): Promise<void> {
  const who = await enter(page)
  const key = newKey(who.account, 'bot-1', ...bot1)
  await page.clock.install()
  await page.goto('/settings/api-keys')
  await edit(page)
  await asked(page)
  await page.clock.fastForward('02:00')
  await button(page, 'Resend').waitFor()
  await shot('resend')
  // Made up here: an answer of the server would set the clock right again.
  const early = { code: 'resend_too_early', detail: 'later', status: 429, retryAfter: 61 }
  await page.route('**/resend', (route) => route.fulfill({ status: 429, json: early }))
  await button(page, 'Resend').click()
  await page.getByText('cannot be sent yet').waitFor()
  await shot('resend-too-early')
  await page.clock.fastForward('03:01')
  await page.getByText('This code has expired').waitFor()
  await shot('code-expired')
  await page.clock.fastForward('10:00')
  await page.getByText('This request has expired').waitFor()
  await shot('request-expired')
  await button(page, 'Back').click()
  const before = await codes(who.phone)
  await page.reload()
  await page.getByRole('switch', { name: 'Funds Internal' }).check()
  await page.getByLabel('I understand').check()
  await asked(page)
  const right = await code(who.phone, before)
  const wrong = String((Number(right) + 1) % 1_000_000).padStart(6, '0')
  for (const left of ['4 more', '3 more', '2 more', 'one more']) {
    await page.getByLabel('Code', { exact: true }).fill(wrong)
    await button(page, 'Confirm').click()
    await page.getByText(`You can try ${left}`).waitFor()
  }
  await shot('one-more-try')
  await page.getByLabel('Code', { exact: true }).fill(wrong)
  await button(page, 'Confirm').click()
  await page.getByText('Too many wrong codes').waitFor()
  await shot('too-many-wrong')
  await button(page, 'Back').click()
  await changedElsewhere(page, key.id)
  await button(page, 'Save').click()
  await page.getByText('The key was changed in the meantime').waitFor()
  await shot('key-changed')
}

async function changedElsewhere(page: Page, id: string) {
  await page.request.post(`/v1/keys/${id}/deactivate`, { headers: { 'Sec-Fetch-Site': 'same-origin' } })
}

/** A server that is slow, ill or away. */
export async function silent(page: Page, shot: Shot): Promise<void> {
  const who = await enter(page)
  newKey(who.account, 'bot-1', ...bot1)
  await page.route('**/v1/keys', () => undefined)
  await page.goto('/settings/api-keys')
  await page.getByText('Loading').first().waitFor({ state: 'attached' })
  await shot('keys-loading')
  await page.unroute('**/v1/keys')
  const ill = { code: 'internal_error', status: 500, detail: 'internal error', requestId: '01K2Q7ZJ8V4M9T3X' }
  for (const [path, view] of [
    ['keys', '/settings/api-keys'],
    ['catalog', '/methods'],
    ['activities', '/activities'],
  ] as const) {
    await page.route(`**/v1/${path}*`, (route) => route.fulfill({ status: 500, json: ill }))
    await page.goto(view)
    await page.getByRole('alert').first().waitFor({ timeout: 20_000 })
    await shot(`${path}-failed`)
    await page.unroute(`**/v1/${path}*`)
  }
  await page.route('**/v1/session', (route) => route.fulfill({ status: 500, json: ill }))
  await page.goto('/settings/security')
  await page.getByRole('alert').first().waitFor({ timeout: 20_000 })
  await shot('broken')
  await page.unroute('**/v1/session')
  await page.goto('/settings/api-keys')
  await edit(page)
  await page.route('**/v1/keys/**', (route) => route.abort())
  await button(page, 'Save').click()
  await page.getByRole('alert').first().waitFor()
  await shot('save-failed')
  await page.goto('/nowhere')
  await page.getByText('There is no such page').waitFor()
  await shot('no-such-page')
}

/** A session that ended, and a browser without network. */
export async function ended(page: Page, shot: Shot): Promise<void> {
  const who = await enter(page)
  newKey(who.account, 'bot-1', ...bot1)
  await page.goto('/settings/api-keys')
  await page.getByText('bot-1').waitFor()
  await page.context().setOffline(true)
  await page.getByText('You are offline').waitFor()
  await shot('offline')
  await page.context().setOffline(false)
  await edit(page)
  await page.request.delete('/v1/session')
  await button(page, 'Save').click()
  await page.getByText('Your session has ended').waitFor()
  await shot('session-ended')
  const before = await codes(who.phone)
  await page.getByLabel('Password', { exact: true }).fill(who.password)
  await button(page, 'Sign in').click()
  await page.getByLabel('Code', { exact: true }).waitFor()
  await shot('session-ended-2fa')
  await confirm(page, who.phone, before)
}
