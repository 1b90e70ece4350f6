import type { Page } from '@playwright/test'
import { Bot } from '../bot'
import { addApp, addPhone, code, codes, enter, newKey, newOwner, type Person, signIn } from '../world'

// The pictures of keys: the list and each of its pop-ups.

/** Takes the picture of what is on the screen, at one width when only that one has it. */
export type Shot = (name: string, only?: 1280 | 375) => Promise<void>

export const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })

export async function confirm(page: Page, to: string, before: number) {
  await page.getByLabel('Code', { exact: true }).fill(await code(to, before))
  await button(page, 'Confirm').click()
}

/** From the empty list to the first key that works. */
export async function firstKey(page: Page, shot: Shot): Promise<void> {
  const who = newOwner()
  await signIn(page, who, false)
  await page.getByText('No API keys yet').waitFor()
  await shot('empty')
  await page.getByRole('link', { name: '+ NEW API KEY' }).first().click()
  await page.getByText('Enable it now').waitFor()
  await shot('no-factor')
  await addPhone(page, who)
  await page.goto('/settings/api-keys/new')
  await page.getByLabel('Name', { exact: true }).waitFor()
  await shot('new')
  newKey(who.account, 'taken')
  await page.getByLabel('Name', { exact: true }).fill('taken')
  await button(page, 'CREATE API KEY').click()
  await page.getByText('Another key of the account').waitFor()
  await shot('name-taken')
  await page.getByLabel('Name', { exact: true }).fill('bot-2')
  await page.getByRole('switch', { name: 'Trade' }).check()
  await page
    .getByText(/^\d+ API methods?$/)
    .nth(1)
    .click()
  await page.getByLabel('Add addresses').fill('1.1.1.1;10.0.0.1, 9.9.9.0/24 ')
  await shot('new-filled')
  const before = await codes(who.phone)
  await button(page, 'CREATE API KEY').click()
  await page.getByLabel('Code', { exact: true }).waitFor()
  await shot('new-2fa')
  await page.getByLabel('Code', { exact: true }).fill('000000')
  await button(page, 'Confirm').click()
  await page.getByText('Wrong code').waitFor()
  await shot('new-2fa-wrong')
  await confirm(page, who.phone, before)
  await page.getByText('I have saved the secret').waitFor()
  await shot('secret')
  await page.goBack()
  await page.getByText('Leave without the secret?').waitFor()
  await shot('secret-leave')
  await button(page, 'Stay').click()
  await page.getByLabel('I have saved the secret').check()
  await shot('secret-saved')
  const mails = await codes(who.email)
  await button(page, 'ACTIVATE').click()
  await page.getByLabel('Code', { exact: true }).waitFor()
  await shot('activate-mail')
  await confirm(page, who.email, mails)
  await page.getByText('The API key is active').waitFor()
  await shot('activated')
}

const bot1 = ['--permissions', 'read,trade', '--ip', '8.8.8.8,2a00:1450::/32', '--active']

/** An edit, from the form to the key that is activated again. */
export async function changeKey(page: Page, shot: Shot): Promise<void> {
  const who = await enter(page)
  newKey(who.account, 'bot-1', ...bot1)
  await page.goto('/settings/api-keys')
  await page.getByRole('link', { name: 'Edit bot-1' }).click()
  await page.getByText('I understand').waitFor()
  await shot('edit')
  await page
    .getByText(/^\d+ API methods?$/)
    .nth(0)
    .click()
  await page.getByLabel('I understand').check()
  await shot('nothing-changed')
  await page
    .getByText(/^\d+ API methods?$/)
    .nth(0)
    .click()
  await page.getByRole('switch', { name: 'Funds Internal' }).check()
  await page.getByLabel('Add addresses').fill('10.1.2.3; 8.8.8.8, 300.1.1.1 9.9.9.1/24 2001:db8::/32 [::1] 0.0.0.0/0 ')
  await page.getByText('cannot be used').scrollIntoViewIfNeeded()
  await shot('mixed')
  await button(page, 'Use 9.9.9.0/24').click()
  await page.getByRole('button', { name: /duplicate or invalid/ }).click()
  await page.getByText('What changes').scrollIntoViewIfNeeded()
  await shot('what-changes')
  await button(page, 'Remove all').click()
  await page.getByText('What changes').scrollIntoViewIfNeeded()
  await shot('opened-to-all')
  const before = await codes(who.phone)
  await button(page, 'Save').click()
  await page.getByLabel('Code', { exact: true }).waitFor()
  await shot('2fa')
  await confirm(page, who.phone, before)
  await page.getByText('The changes are saved').waitFor()
  await shot('saved')
  await button(page, 'ACTIVATE LATER').click()
  await page.getByRole('link', { name: 'Activate bot-1' }).waitFor()
  await shot('list')
  await page.getByRole('link', { name: 'Activate bot-1' }).click()
  await button(page, 'ACTIVATE').waitFor()
  await shot('activate')
  await page.goto('/settings/api-keys')
  await addApp(page, who)
  await page.getByRole('link', { name: 'Edit bot-1' }).click()
  await page.getByRole('switch', { name: 'Funds External' }).check()
  await page.getByLabel('I understand').check()
  await button(page, 'Save').click()
  await page.getByLabel('Code', { exact: true }).waitFor()
  await shot('2fa-app')
  await button(page, 'Use another factor').click()
  await page.getByText('How do you want to confirm?').waitFor()
  await shot('factors')
}

/** Five keys of every kind; one with 1,000 addresses. */
export async function manyKeys(page: Page, shot: Shot): Promise<void> {
  const who = await enter(page)
  const bot = new Bot(newKey(who.account, 'bot-1', '--permissions', 'read', '--active'))
  const shut = new Bot(newKey(who.account, 'Market maker, London', ...bot1))
  newKey(who.account, 'reporting')
  const many = Array.from({ length: 1000 }, (_, i) => `52.${10 + (i % 7)}.${Math.floor(i / 7)}.7`).join()
  newKey(who.account, 'office', '--permissions', 'read,trade,funds_internal', '--ip', many, '--active')
  const all = 'read,trade,funds_internal,funds_wallet,funds_external'
  const addresses = '2a00:1450:4001:830::200e,198.51.100.0/24,10.0.0.0/8,9.9.9.9'
  newKey(
    who.account,
    'The settlement robot of the treasury desk in Frankfurt am Main',
    '--permissions',
    all,
    '--ip',
    addresses,
  )
  for (let i = 0; i < 3; i++) await bot.call('get_my_account_status_v3')
  for (let i = 0; i < 3; i++) await bot.call('do_my_new_order')
  await shut.call('get_my_account_status_v3')
  const wrong = new Bot({ id: bot.key.id, secret: shut.key.secret })
  for (let i = 0; i < 2; i++) await wrong.call('get_my_account_status_v3')
  await page.waitForTimeout(3000) // the gateway hands over what it refused, and when a key was used
  await page.goto('/settings/api-keys')
  await page.getByText('5 refused in 24 h').waitFor()
  await shot('list')
  await page.goto(`/settings/api-keys/${bot.key.id}/refused-calls`)
  await page.getByText('do_my_new_order').first().waitFor()
  await shot('refused-calls')
  await page.goto(`/settings/api-keys/${shut.key.id}/refused-calls`)
  await page.getByText('Address not on the IP whitelist').waitFor()
  await shot('refused-address')
  await page.goto('/settings/api-keys')
  await page.getByRole('link', { name: 'refused calls of reporting' }).click()
  await page.getByText('No call was refused').waitFor()
  await shot('refused-none')
  await page.goBack()
  await page.getByRole('link', { name: 'Edit office' }).click()
  await page.getByText('I understand').waitFor()
  await shot('thousand')
  await page.getByLabel('Add addresses').fill('8.8.8.8 ')
  await page.getByLabel('I understand').check()
  await page.getByText('A key takes').scrollIntoViewIfNeeded()
  await shot('too-many')
  await page.goto('/settings/api-keys')
  await page.getByRole('link', { name: 'Deactivate office' }).click()
  await button(page, 'Deactivate').waitFor()
  await shot('deactivate-thousand')
  await page.goto('/settings/api-keys')
  await page.getByRole('link', { name: 'Delete The settlement' }).click()
  await button(page, 'Delete').waitFor()
  await shot('delete-long-name')
}

/** Deactivate and Delete, and both where nothing is left to do. */
export async function endKey(page: Page, shot: Shot): Promise<void> {
  const who: Person = await enter(page)
  const one = newKey(who.account, 'bot-1', ...bot1)
  newKey(who.account, 'bot-2')
  await page.goto('/settings/api-keys')
  await page.getByRole('link', { name: 'Deactivate bot-1' }).click()
  await button(page, 'Deactivate').waitFor()
  await shot('deactivate')
  await button(page, 'Deactivate').click()
  await page.getByText('The API key is inactive').waitFor()
  await shot('deactivated')
  await page.goto(`/settings/api-keys/${one.id}/deactivate`)
  await page.getByText('inactive already').waitFor()
  await shot('inactive-already')
  newKey(who.account, 'bot-3', ...bot1)
  await page.goto('/settings/api-keys')
  await page.getByRole('link', { name: 'Delete bot-3' }).click()
  await page.getByText('Deleting is final').waitFor()
  await shot('delete')
  const before = await codes(who.phone)
  await button(page, 'Delete').click()
  await page.getByLabel('Code', { exact: true }).waitFor()
  await shot('delete-2fa')
  await confirm(page, who.phone, before)
  await page.getByText('The API key is deleted').waitFor()
  await shot('deleted')
  await page.goto('/settings/api-keys/lk_nothing/edit')
  await page.getByText('There is no such key').waitFor()
  await shot('no-such-key')
}
