import type { Page } from '@playwright/test'
import { codes, demo, newOwner, type Person, totp } from '../world'
import { button, confirm, type Shot } from './keys'

const browsers = [
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0',
  'curl/8.14.1',
]

/** Settings > Security: every pop-up, with all kinds of factors and several sessions. */
export async function security(page: Page, shot: Shot): Promise<void> {
  const who = newOwner()
  const given = { email: who.email, password: who.password }
  await page.request.post('/v1/session', { data: given })
  await page.goto('/settings/security')
  await page.getByText('You have no second factor yet').waitFor()
  await shot('no-factor')
  await elsewhere(given)
  await phone(page, who, shot)
  await elsewhere(given, 1)
  const seed = await app(page, who, shot)
  await passkeys(page, who, seed, shot)
  await page.reload()
  await page.getByText('Sign out').nth(4).waitFor()
  await shot('security')
  await recovery(page, who, shot)
  await page.goto('/settings/security/password')
  await page.getByLabel('New password').waitFor()
  await page.getByLabel('Your password').fill('wrong')
  await page.getByLabel('New password').fill('short')
  await button(page, 'Change password').last().click()
  await page.waitForTimeout(700)
  await shot('password')
}

/** Signs in from other browsers; a browser that still owes its second factor is shown as such. */
async function elsewhere(given: object, first = browsers.length) {
  for (const agent of browsers.slice(-first)) {
    await fetch(`${demo.console}/v1/session`, {
      method: 'POST',
      headers: { 'User-Agent': agent, 'Content-Type': 'application/json' },
      body: JSON.stringify(given),
    })
  }
}

async function phone(page: Page, who: Person, shot: Shot) {
  await page.getByRole('link', { name: 'Text message' }).click()
  await page.getByLabel('Phone number').fill('123')
  await page.getByLabel('Your password').fill(who.password)
  await page.getByText('Write the number').waitFor()
  await shot('add-phone')
  await page.getByLabel('Phone number').fill(who.phone)
  await button(page, 'Continue').click()
  await page.getByLabel('Code', { exact: true }).waitFor()
  await shot('add-phone-code')
  await confirm(page, who.phone, 0)
  await page.getByText('Your recovery codes').waitFor()
  await shot('recovery-codes')
  await page.goBack()
  await page.getByText('Leave without the codes?').waitFor()
  await shot('recovery-codes-leave')
  await button(page, 'Back to the codes').click()
  await page.getByLabel('I have saved the codes').check()
  await button(page, 'Done').click()
  await page.getByText('Your phone is added').waitFor()
  await shot('one-factor')
  await page.getByRole('link', { name: /^Remove/ }).click()
  await page.getByText('This is your only second factor').waitFor()
  await shot('remove-only')
}

async function app(page: Page, who: Person, shot: Shot): Promise<string> {
  await page.goto('/settings/security/add-app')
  await page.getByLabel('Your password').fill('wrong')
  await button(page, 'Continue').click()
  await page.locator('[data-error]').first().waitFor()
  await shot('add-app')
  await page.getByLabel('Your password').fill(who.password)
  const before = await codes(who.phone)
  await button(page, 'Continue').click()
  await page.getByLabel('Code', { exact: true }).waitFor()
  await shot('add-app-2fa')
  await confirm(page, who.phone, before)
  await page.getByText('Scan this with the app').waitFor()
  await shot('add-app-qr')
  const seed = (await page.getByText(/^[A-Z2-7]{4}( [A-Z2-7]{2,4})+$/).innerText()).replaceAll(' ', '')
  await page.getByLabel('Code', { exact: true }).fill(await totp(seed))
  await button(page, 'Confirm').click()
  await page.getByText('Your authenticator app is added').waitFor()
  return seed
}

async function passkeys(page: Page, who: Person, seed: string, shot: Shot) {
  await page.goto('/settings/security/add-passkey')
  await page.getByLabel('Your password').waitFor()
  await shot('add-passkey')
  const browser = await page.context().newCDPSession(page)
  await browser.send('WebAuthn.enable')
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true } as const
  await browser.send('WebAuthn.addVirtualAuthenticator', {
    options: { ...options, isUserVerified: true, automaticPresenceSimulation: true },
  })
  await page.getByLabel('Name').fill('work laptop')
  await page.getByLabel('Your password').fill(who.password)
  await button(page, 'Continue').click()
  await page.getByLabel('Code', { exact: true }).fill(await totp(seed))
  await button(page, 'Confirm').click()
  await button(page, 'Create the passkey').waitFor()
  await shot('create-passkey')
  await button(page, 'Create the passkey').click()
  await page.getByText('Your passkey is added').waitFor()
}

async function recovery(page: Page, who: Person, shot: Shot) {
  await page.getByRole('link', { name: /^Remove Passkey/ }).click()
  await page.getByLabel('Your password').waitFor()
  await shot('remove')
  await page.goto('/settings/security/recovery-codes')
  await page.getByLabel('Your password').fill(who.password)
  await shot('new-recovery-codes')
  await button(page, 'Continue').click()
  await button(page, 'Use another factor').click()
  await page.getByText('How do you want to confirm?').waitFor()
  await shot('choose')
  await page.getByRole('button', { name: 'Passkey' }).click()
  await button(page, 'Use the passkey').waitFor()
  await shot('use-passkey')
}
