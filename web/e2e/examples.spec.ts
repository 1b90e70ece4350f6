import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { program } from './demo'
import { confirmed, expect, type Page, type Person, pop, row, test } from './fixture'

// What the page "API methods" shows is pasted into a shell, beside the file of
// a new key, as a person does it.

let folder = ''
test.beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-examples-'))
})
test.afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('the file of a new key and the examples of the methods make calls that the gateway lets pass', async ({
  page,
  who,
}) => {
  await keyFile(page, who)
  const account = await example(page, 'get_my_account_status_v3', 'curl')
  expect(answer(account)).toMatchObject({ ok: 'ok' })
  const order = await example(page, 'do_my_new_order', 'curl')
  expect(answer(order)).toMatchObject({ ok: 'ok', data: { clientOrderId: 'order-1' } })
  // The same ids again would be the same order.
  const again = (await example(page, 'do_my_new_order', 'latchkey')).replace('order-1', 'order-2')
  expect(answer(again)).toMatchObject({ ok: 'ok', data: { clientOrderId: 'order-2' } })
  const open = await example(page, 'get_server_time', 'curl')
  expect(answer(open)).toMatchObject({ ok: 'ok' })
  const direct = await example(page, 'get_server_time', 'latchkey')
  expect(answer(direct)).toMatchObject({ ok: 'ok' })
})

/** Creates bot-1 with Trade, saves its file as key.env, and activates it. */
async function keyFile(page: Page, who: Person) {
  await page.goto('/settings/api-keys/new')
  await page.getByLabel('Name', { exact: true }).fill('bot-1')
  await page.getByRole('switch', { name: 'Trade', exact: true }).check()
  await confirmed(page, who.phone, () => page.getByRole('button', { name: 'CREATE API KEY' }).click())
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download .env' }).click()
  await (await download).saveAs(join(folder, 'key.env'))
  await page.getByLabel('I have saved the secret').check()
  await confirmed(page, who.email, () => page.getByRole('button', { name: 'ACTIVATE', exact: true }).click())
  await expect(pop(page)).toContainText('The API key is active')
  await page.getByRole('button', { name: 'Done' }).click()
  await expect(row(page)).toContainText('Active')
}

/** What the page says has to come first, and the example. */
async function example(page: Page, method: string, client: string): Promise<string> {
  await page.goto(`/methods?q=${method}&method=${method}`)
  await page.getByRole('radio', { name: client }).check({ force: true })
  const first = page.locator('p code').filter({ hasText: /^(set -a|export)/ })
  return `${await first.innerText()}\n${await page.locator('pre code').innerText()}`
}

/** Runs it in a shell that has nothing but the program and the file. */
function answer(text: string): unknown {
  const env = { PATH: `${dirname(program)}:${process.env.PATH}` }
  const out = execFileSync('bash', ['-c', text], {
    cwd: folder,
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return JSON.parse(out)
}
