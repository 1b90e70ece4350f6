import AxeBuilder from '@axe-core/playwright'
import { expect, type Locator, type Page, test as plain } from '@playwright/test'
import { code, codes, enter, newKey, type Person } from './world'

// What every test shares: a browser in which any complaint fails the test, and
// the steps that many of them take.

type Options = {
  /** Refusals that a test provokes. The browser writes each 4xx into its console; no other error is let pass. */
  provoked: RegExp | undefined
}
type Fixtures = {
  complaints: string[]
  /** An owner with a phone, signed in. */
  who: Person
}

export const test = plain.extend<Options & Fixtures>({
  provoked: [undefined, { option: true }],
  complaints: [
    async ({ context, provoked }, use) => {
      const complaints: string[] = []
      const complain = (text: string) => provoked?.test(text) || complaints.push(text)
      context.on('console', (message) => {
        // React and the browser warn of faults too (keys, hydration, deprecated features, CSP reports).
        if (['error', 'warning'].includes(message.type())) complain(`${message.type()}: ${message.text()}`)
      })
      context.on('weberror', (error) => complain(`thrown: ${error.error().stack ?? error.error()}`))
      await context.exposeFunction('latchkeyViolation', (what: string) => complain(`CSP: ${what}`))
      await context.addInitScript(() => {
        addEventListener('securitypolicyviolation', (v) => {
          const report = (window as unknown as { latchkeyViolation: (what: string) => void }).latchkeyViolation
          report(`${v.violatedDirective} blocked ${v.blockedURI || 'inline'} at ${v.sourceFile}:${v.lineNumber}`)
        })
      })
      await use(complaints)
      expect(complaints, 'complaints of the browser').toEqual([])
    },
    { auto: true },
  ],
  who: async ({ page }, use) => use(await enter(page)),
})

/** The topmost pop-up. */
export const pop = (page: Page): Locator => page.getByRole('dialog').last()

export const row = (page: Page, name = 'bot-1'): Locator => page.getByRole('row').filter({ hasText: name })

export const toggle = (page: Page, name: string): Locator => page.getByRole('switch', { name, exact: true })

export const save = (page: Page): Locator => page.getByRole('button', { name: 'Save', exact: true })

export const chips = (page: Page): Locator => page.getByLabel('Entries of the IP whitelist').getByRole('listitem')

export const tick = (page: Page): Locator =>
  page.getByLabel('I understand that the key is deactivated by this change and must be activated again')

/** An active key bot-1 with Read and Trade for 8.8.8.8, and the list that shows it. */
export async function listed(page: Page, who: Person, ...flags: string[]): Promise<{ id: string; secret: string }> {
  const usual = ['--permissions', 'read,trade', '--ip', '8.8.8.8', '--active']
  const key = newKey(who.account, 'bot-1', ...(flags.length > 0 ? flags : usual))
  await page.goto('/settings/api-keys')
  await expect(row(page)).toBeVisible()
  return key
}

export async function openEdit(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Edit bot-1' }).click()
  await expect(pop(page).getByRole('heading', { name: 'Edit API key bot-1' })).toBeVisible()
}

/** Turns Funds Internal on and saves; the 2FA pop-up is open then. */
export async function change(page: Page): Promise<void> {
  await openEdit(page)
  await toggle(page, 'Funds Internal').check()
  await tick(page).check()
  await save(page).click()
  await expect(page.getByLabel('Code', { exact: true })).toBeVisible()
}

/** Does what sends a code to an address or a phone, and types that code. */
export async function confirmed(page: Page, to: string, send: () => Promise<void>): Promise<void> {
  const before = await codes(to)
  await send()
  await page.getByLabel('Code', { exact: true }).fill(await code(to, before))
  await page.getByRole('button', { name: 'Confirm' }).click()
}

/** A change that is confirmed; the question whether to activate is open then. */
export async function changed(page: Page, who: Person): Promise<void> {
  await confirmed(page, who.phone, () => change(page))
  await expect(pop(page)).toContainText('The changes are saved')
}

/** Puts a text into the clipboard and pastes it into the whitelist, as a person does. */
export async function paste(page: Page, text: string): Promise<void> {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
  await page.evaluate((what) => navigator.clipboard.writeText(what), text)
  await page.getByLabel('Add addresses').focus()
  await page.keyboard.press('ControlOrMeta+v')
}

/** What is cut off or has to be scrolled sideways: the page, or what holds a part of a pop-up. */
export const tooWide = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll('dialog[open], dialog[open] *')]
      .filter((e) => e.scrollWidth > e.clientWidth)
      .filter((e) => e.matches('html, dialog') || getComputedStyle(e).overflowX === 'auto')
      .map((e) => `${e.tagName} ${e.className}: ${e.scrollWidth} px in ${e.clientWidth}`),
  )

/** What axe finds and what is too wide, one line each. Waits until what moves has come to rest: colours in between are no result. */
export async function faults(page: Page, rules: string[] = []): Promise<string[]> {
  await page.evaluate(async () => {
    const ending = (a: Animation) => a.effect?.getTiming().iterations !== Number.POSITIVE_INFINITY
    const moving = document.getAnimations().filter(ending)
    await Promise.all([document.fonts.ready, ...moving.map((a) => a.finished.catch(() => undefined))])
  })
  // The console has no frames, so the quicker way, without a second page, judges as much.
  const axe = new AxeBuilder({ page }).setLegacyMode()
  const found = await (rules.length > 0 ? axe.withRules(rules) : axe).analyze()
  const faulty = found.violations.flatMap((v) =>
    v.nodes.map((n) => `${v.id}: ${n.target.join(' ')} ${n.failureSummary ?? ''}`),
  )
  return [...faulty, ...(await tooWide(page))]
}

export { expect, type Locator, type Page, type Person }
