import { confirmed, expect, type Page, type Person, pop } from './fixture'

// The authenticator that Chromium plays itself, and the passkey that is made on it.

export type Device = {
  /** Whether finger, face or PIN are right. */
  verified: (on: boolean) => Promise<unknown>
  /** Whether somebody touches it when it asks. */
  touched: (on: boolean) => Promise<unknown>
}

export async function device(page: Page): Promise<Device> {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return {
    verified: (isUserVerified) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified }),
    touched: (enabled) => cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled }),
  }
}

/** Fills the pop-up for the passkey "laptop"; the phone proves that it is the member, and the browser is about to ask. */
export async function beginPasskey(page: Page, who: Person): Promise<void> {
  await page.goto('/settings/security')
  await page.getByRole('link', { name: /^Passkey/ }).click()
  await page.getByLabel('Name', { exact: true }).fill('laptop')
  await page.getByLabel('Your password').fill(who.password)
  const next = pop(page).getByRole('button', { name: 'Continue', exact: true })
  await confirmed(page, who.phone, () => next.click())
  await expect(page.getByRole('button', { name: 'Create the passkey' })).toBeVisible()
}

export async function addPasskey(page: Page, who: Person): Promise<void> {
  await beginPasskey(page, who)
  await page.getByRole('button', { name: 'Create the passkey' }).click()
  await expect(page.getByRole('dialog')).toHaveCount(0)
}
