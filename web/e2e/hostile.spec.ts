import { expect, type Page, row, test } from './fixture'
import { code, newKey } from './world'

// Somebody who may name a key, or who only sends a request, writes text that a
// careless page would run: in names, in the browser's name of a session, in the
// address bar. Every view shows it as the characters that it is. The policy of
// the page would stop a script, too; a violation of it fails these tests.

const names = [
  '<img src=x onerror=alert(1)>',
  '"><svg onload=alert(2)>',
  '</script><script>alert(3)</script>',
  `'-alert(4)-' {{7*7}} \${alert(4)}`,
  'javascript:alert(5)',
]
const browser = 'Mozilla <img src=x onerror=alert(6)>'

/** Elements and attributes that can only have been made of the texts above. */
const injected = (page: Page) =>
  page.evaluate(
    () => document.querySelectorAll('img[src="x"], svg[onload], [onerror], a[href^="javascript:" i]').length,
  )

// The addresses with text that is no id and no path are refused; the browser notes that.
test.use({ userAgent: browser, provoked: /status of (404|422)/ })

test('no view runs what a name says', async ({ page, who }) => {
  test.setTimeout(90_000)
  page.on('dialog', (dialog) => {
    throw new Error(`a script ran: ${dialog.message()}`)
  })
  const keys = names.map((name) => newKey(who.account, name, '--permissions', 'read', '--ip', '127.0.0.1'))
  const id = keys[0]?.id
  const pages = ['', '/edit', '/activate', '/deactivate', '/delete', '/refused-calls', '/sessions']
  for (const path of [
    ...pages.map((end) => (end ? `/settings/api-keys/${id}${end}` : '/settings/api-keys')),
    '/activities',
    '/methods',
    '/settings/security',
    `/activities?key=${encodeURIComponent(names[0] ?? '')}`,
    `/sign-in?next=${encodeURIComponent('javascript:alert(7)')}`,
  ]) {
    await page.goto(path)
    await expect(page.getByLabel('Loading')).toHaveCount(0)
    await expect(page.locator('body')).not.toBeEmpty()
    expect(await injected(page), path).toBe(0)
  }
  await page.goto('/settings/api-keys')
  for (const name of names) await expect(row(page, name), 'the name is shown as it is').toBeVisible()
  await page.goto('/activities')
  await expect(page.getByText(names[0] ?? '').first()).toBeVisible()
  await page.goto('/settings/security')
  await expect(page.getByTitle(browser).first()).toBeVisible()
})

test('the letter and the export show a name as it is', async ({ page, who }) => {
  const key = newKey(who.account, names[0] ?? '', '--permissions', 'read', '--ip', '127.0.0.1')
  const headers = { 'Sec-Fetch-Site': 'same-origin' }
  const begun = await page.request.post(`/v1/keys/${key.id}/activate`, { data: { version: 1 }, headers })
  expect(begun.status()).toBe(202)
  expect(await code(who.email)).toMatch(/^\d{6}$/)
  const csv = await (await page.request.get('/v1/activities.csv')).text()
  expect(csv).toContain(names[0])
  for (const line of csv.split('\r\n')) expect(line).not.toMatch(/(^|,)"?[=+\-@]/)
})

// The twin: a page that writes a name as markup is found out, and the policy
// keeps what it wrote from running.
test.describe('a careless page', () => {
  test.use({ provoked: /CSP: script-src|Content Security Policy|img-src|Failed to load resource/ })
  test('is found out, and runs nothing', async ({ page, who }) => {
    expect(who.email).not.toBe('')
    let ran = 0
    page.on('dialog', async (dialog) => {
      ran++
      await dialog.dismiss()
    })
    await page.goto('/settings/api-keys')
    await page.evaluate((text) => document.body.insertAdjacentHTML('beforeend', text), names[0] ?? '')
    expect(await injected(page)).toBe(1)
    await page.waitForTimeout(300)
    expect(ran).toBe(0)
  })
})
