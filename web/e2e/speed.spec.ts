import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from '@playwright/test'
import { enter, newKey } from './world'

// How it feels, as figures: what is loaded first, when the list can be used,
// how soon a click answers.

test('the first load of the list is under 260 KB of script and style', async ({ page }) => {
  const who = await enter(page)
  newKey(who.account, 'bot-1')
  const got = new Set<string>()
  page.on('response', (r) => /\.(js|css)$/.test(new URL(r.url()).pathname) && got.add(r.url()))
  await page.goto('/settings/api-keys')
  await page.getByRole('link', { name: 'Edit bot-1' }).waitFor()
  const sizes = await Promise.all(
    [...got].map(async (url) => gzipSync(await (await page.request.get(url)).body()).length),
  )
  const total = sizes.reduce((sum, n) => sum + n, 0)
  console.log(`first load: ${(total / 1024).toFixed(0)} KB gzip in ${sizes.length} files`)
  expect(total).toBeLessThan(260 * 1024)
})

// Times are printed, not judged: a noisy machine must not fail a test.
test('a list of five keys can be used, and its time is printed', async ({ page }) => {
  const who = await enter(page)
  for (let i = 1; i <= 5; i++) newKey(who.account, `bot-${i}`, '--active')
  await page.goto('/settings/api-keys') // the files are in the browser's cache from here on, as for every second visit
  await page.getByRole('link', { name: 'Edit bot-5' }).waitFor()
  const start = Date.now()
  await page.goto('/settings/api-keys')
  await page.getByRole('link', { name: 'Edit bot-5' }).waitFor()
  const took = Date.now() - start
  console.log(`list of five keys: ${took} ms`)
})

test('a click answers before the server does', async ({ page }) => {
  const who = await enter(page)
  newKey(who.account, 'bot-1', '--active')
  await page.goto('/settings/api-keys')
  await page.getByRole('link', { name: 'Deactivate bot-1' }).click()
  await page.route('**/deactivate', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await route.continue()
  })
  const button = page.getByRole('button', { name: 'Deactivate' })
  await button.waitFor()
  const took = await button.evaluate(
    (node) =>
      new Promise<number>((resolve) => {
        const start = performance.now()
        const seen = new MutationObserver(() => node.hasAttribute('data-loading') && resolve(performance.now() - start))
        seen.observe(node, { attributes: true })
        ;(node as HTMLElement).click()
      }),
  )
  console.log(`the button answered after ${took.toFixed(0)} ms`)
  expect(took).toBeLessThan(1500) // what the server takes
})

test('every built file but the page and the icon has a hash in its name', () => {
  const dist = process.env.LATCHKEY_DIST ?? 'dist'
  const names = readdirSync(join(dist, 'assets'))
  expect(names.filter((name) => !/-[\w-]{8}\.\w+$/.test(name))).toEqual([])
  expect(readFileSync(join(dist, 'index.html'), 'utf8')).toContain('NONCE_PLACEHOLDER')
})
