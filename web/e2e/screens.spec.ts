import { mkdirSync } from 'node:fs'
import AxeBuilder from '@axe-core/playwright'
import { expect, type Page, test } from '@playwright/test'
import { addPhone, code, codes, newKey, newOwner, type Person, signIn } from './world'

// Walks through every view and pop-up of keys, takes a picture of each, and
// checks each with axe. `make screenshots` looks at the pictures.

const out = 'e2e/.out/screens'
const looks = [
  { name: '1280-light', width: 1280, height: 860, colorScheme: 'light' },
  { name: '1280-dark', width: 1280, height: 860, colorScheme: 'dark' },
  { name: '375-light', width: 375, height: 740, colorScheme: 'light' },
  { name: '375-dark', width: 375, height: 740, colorScheme: 'dark' },
] as const

for (const look of looks) {
  test.describe(look.name, () => {
    test.use({ viewport: { width: look.width, height: look.height }, colorScheme: look.colorScheme })
    test(`every view of keys at ${look.name}`, async ({ page }) => {
      test.setTimeout(180_000)
      mkdirSync(`${out}/${look.name}`, { recursive: true })
      const complaints = listen(page)
      let n = 0
      const shot = async (name: string) => {
        await page.evaluate(() => document.fonts.ready.then(() => undefined))
        await page.waitForTimeout(250) // the pop-up has risen
        await page.screenshot({ path: `${out}/${look.name}/${String(++n).padStart(2, '0')}-${name}.png` })
        const found = await new AxeBuilder({ page }).analyze()
        expect
          .soft(found.violations.map((v) => `${name}: ${v.id} ${v.nodes.map((x) => x.target).join(' ')}`))
          .toEqual([])
      }
      await walk(page, shot)
      expect(complaints).toEqual([])
    })
  })
}

/** What the browser complains about; refused sign-ins are answers and not faults. */
function listen(page: Page): string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of (401|409|422|429)/.test(message.text()))
      complaints.push(message.text())
  })
  return complaints
}

async function confirm(page: Page, to: string, before: number) {
  await page.getByLabel('Code').fill(await code(to, before))
  await page.getByRole('button', { name: 'Confirm' }).click()
}

async function walk(page: Page, shot: (name: string) => Promise<void>) {
  const who: Person = newOwner()
  await page.goto('/')
  await page.getByLabel('E-mail').waitFor()
  await shot('sign-in')
  await page.getByLabel('E-mail').fill(who.email)
  await page.getByLabel('Password', { exact: true }).fill('wrong')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').waitFor()
  await shot('sign-in-wrong')
  await signIn(page, who, false)
  await page.getByText('No API keys yet').waitFor()
  await shot('empty')
  await page.getByRole('link', { name: '+ NEW API KEY' }).first().click()
  await page.getByText('Enable it now').waitFor()
  await shot('no-factor')
  await addPhone(page, who)
  newKey(who.account, 'bot-1', '--permissions', 'read,trade', '--ip', '8.8.8.8,2a00:1450::/32', '--active')
  newKey(who.account, 'reporting', '--active')
  newKey(
    who.account,
    'A key with a rather long name for the treasury desk',
    '--permissions',
    'read,trade,funds_internal,funds_wallet,funds_external',
    '--ip',
    '192.0.2.7,198.51.100.0/24,10.0.0.0/8,9.9.9.9',
  )
  await page.goto('/settings/api-keys')
  await page.getByText('reporting').waitFor()
  await shot('list')
  await newKeyWalk(page, who, shot)
  await editWalk(page, who, shot)
  await endWalk(page, who, shot)
}

async function newKeyWalk(page: Page, who: Person, shot: (name: string) => Promise<void>) {
  await page.getByRole('link', { name: '+ NEW API KEY' }).click()
  await page.getByLabel('Name', { exact: true }).waitFor()
  await shot('new')
  await page.getByLabel('Name', { exact: true }).fill('bot-2')
  await page.getByRole('switch', { name: 'Trade' }).check()
  await page.getByLabel('Add addresses').fill('1.1.1.1;10.0.0.1, 9.9.9.0/24 ')
  await shot('new-filled')
  const before = await codes(who.phone)
  await page.getByRole('button', { name: 'CREATE API KEY' }).click()
  await page.getByLabel('Code').waitFor()
  await shot('new-2fa')
  await page.getByLabel('Code').fill('000000')
  await page.getByRole('button', { name: 'Confirm' }).click()
  await page.getByText('Wrong code').waitFor()
  await shot('new-2fa-wrong')
  await confirm(page, who.phone, before)
  await page.getByText('I have saved the secret').waitFor()
  await shot('secret')
  await page.goBack()
  await page.getByText('Leave without the secret?').waitFor()
  await shot('secret-leave')
  await page.getByRole('button', { name: 'Stay' }).click()
  await page.getByLabel('I have saved the secret').check()
  await shot('secret-saved')
  const mails = await codes(who.email)
  await page.getByRole('button', { name: 'ACTIVATE', exact: true }).click()
  await page.getByLabel('Code').waitFor()
  await shot('new-email')
  await confirm(page, who.email, mails)
  await page.getByText('was activated').waitFor()
  await shot('new-activated')
  await page.getByRole('button', { name: 'Done' }).click()
}

async function editWalk(page: Page, who: Person, shot: (name: string) => Promise<void>) {
  await page.getByRole('link', { name: 'Edit bot-1' }).click()
  await page.getByText('I understand').waitFor()
  await shot('edit')
  await page.getByLabel('I understand').check()
  await shot('edit-nothing')
  await page.getByRole('switch', { name: 'Funds Internal' }).check()
  await page.getByLabel('Add addresses').fill('10.1.2.3; 8.8.8.8, 300.1.1.1 9.9.9.1/24 2001:db8::/32 [::1] ')
  await page.getByText('cannot be used').scrollIntoViewIfNeeded()
  await shot('edit-mixed')
  await page.getByRole('button', { name: 'Use 9.9.9.0/24' }).click()
  await page.getByRole('button', { name: /duplicate or invalid/ }).click()
  await page.getByText('What changes').scrollIntoViewIfNeeded()
  await shot('edit-diff')
  const before = await codes(who.phone)
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByLabel('Code').waitFor()
  await shot('edit-2fa')
  await confirm(page, who.phone, before)
  await page.getByText('The changes are saved').waitFor()
  await shot('edit-saved')
  await page.getByRole('button', { name: 'ACTIVATE LATER' }).click()
  await page.getByRole('link', { name: 'Activate bot-1' }).waitFor()
  await shot('list-after-edit')
}

async function endWalk(page: Page, who: Person, shot: (name: string) => Promise<void>) {
  await page.getByRole('link', { name: 'Deactivate reporting' }).click()
  await page.getByRole('button', { name: 'Deactivate' }).waitFor()
  await shot('deactivate')
  await page.getByRole('button', { name: 'Deactivate' }).click()
  await page.getByText('was deactivated').waitFor()
  await shot('deactivated')
  await page.getByRole('button', { name: 'Done' }).click()
  await page.getByRole('link', { name: 'Delete bot-2' }).click()
  await page.getByText('Deleting is final').waitFor()
  await shot('delete')
  const before = await codes(who.phone)
  await page.getByRole('button', { name: 'Delete' }).click()
  await confirm(page, who.phone, before)
  await page.getByText('was deleted').waitFor()
  await shot('deleted')
}
