import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { button, go, look } from './axe'
import { program } from './demo'
import { expect, type Page, test } from './fixture'
import { messages, newOwner } from './world'

// axe on the pages that need no sign-in; the walks prove that their links work.

test.use({ provoked: /status of 4\d\d/ })
test.setTimeout(120_000)

test('axe finds nothing at a forgotten password', async ({ page }) => {
  const who = newOwner()
  await go(page, '/forgot', 'Forgotten password')
  await look(page, 'forgotten password')
  await page.getByLabel('E-mail').fill(who.email)
  await button(page, 'Send the link').click()
  await expect(page.getByText('Look into your mailbox')).toBeVisible()
  await look(page, 'the link is sent')
  const link = async () => /\/reset#\S+/.exec((await messages(who.email))[0]?.text ?? '')?.[0] ?? ''
  await expect.poll(link).not.toBe('')

  await go(page, '/reset', 'Set a new password')
  await look(page, 'a link without its token')
  await page.goto('/forgot') // another page between, because a new #token alone loads nothing
  await go(page, await link(), 'Set a new password')
  await look(page, 'a new password')
  await page.getByLabel('New password').fill('short')
  await button(page, 'Set the password').click()
  await expect(page.getByLabel('New password')).toHaveAttribute('aria-invalid', 'true')
  await look(page, 'a password that is too short')
  await page.getByLabel('New password').fill('a sentence that is long enough')
  await button(page, 'Set the password').click()
  await expect(page.getByText('Your password is set')).toBeVisible()
  await look(page, 'the password is set')

  await go(page, '/reset#a-token-that-nobody-was-sent', 'Set a new password')
  await page.getByLabel('New password').fill('a sentence that is long enough')
  await button(page, 'Set the password').click()
  await expect(page.getByText('This link was used')).toBeVisible()
  await look(page, 'a link that was used')
})

test('axe finds nothing at the first start', async ({ page }) => {
  const server = new Fresh()
  try {
    const link = await server.link()
    await go(page, link.replace(/#.*/, ''), 'Set up Latchkey')
    await look(page, 'a set-up link without its token')
    await page.goto('/sign-in')
    await go(page, link, 'Set up Latchkey')
    await look(page, 'set-up')
    await fill(page, 'short')
    await expect(page.getByLabel('Password of the owner')).toHaveAttribute('aria-invalid', 'true')
    await look(page, 'set-up with a password that is too short')
    await fill(page, 'a sentence that is long enough')
    await expect(page.getByText('Your account is ready')).toBeVisible()
    await look(page, 'the account is ready')
    await page.goto('/sign-in')
    await go(page, link, 'Set up Latchkey')
    await fill(page, 'a sentence that is long enough')
    await expect(page.getByRole('link', { name: 'To the sign-in' })).toBeVisible()
    await look(page, 'set up already')
  } finally {
    server.end()
  }
})

async function fill(page: Page, password: string) {
  await page.getByLabel('Name of the account').fill('Acme')
  await page.getByLabel('E-mail of the owner').fill('owner@acme.example')
  await page.getByLabel('Password of the owner').fill(password)
  await button(page, 'Make the account').click()
}

/** A `latchkey serve` on an empty folder: nobody has an account there. */
class Fresh {
  readonly #data = mkdtempSync(join(tmpdir(), 'latchkey-fresh-'))
  readonly #child: ChildProcess
  #said = ''

  constructor() {
    const flags = {
      data: this.#data,
      'console-listen': '127.0.0.1:0',
      'gateway-listen': '127.0.0.1:0',
      metrics: '127.0.0.1:0',
      // Nothing is sent to either: ports that nobody listens on.
      'upstream-url': 'http://127.0.0.1:9',
      'smtp-server': '127.0.0.1:9',
      'smtp-from': 'latchkey@example.com',
    }
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
    const env = { ...process.env, LATCHKEY_DATA: '', LATCHKEY_IDENTITY_SECRET: randomBytes(32).toString('hex') }
    this.#child = spawn(program, ['serve', ...args], { env })
    for (const out of [this.#child.stdout, this.#child.stderr]) {
      out?.on('data', (chunk: Buffer) => {
        this.#said += chunk.toString()
      })
    }
  }

  /** The link of the first start, from the file that only its user can read. */
  async link(): Promise<string> {
    const file = join(this.#data, 'setup-link')
    await expect.poll(() => existsSync(file) || this.#child.exitCode, this.#said).toBe(true)
    return readFileSync(file, 'utf8').trim()
  }

  end(): void {
    this.#child.kill('SIGKILL')
    rmSync(this.#data, { recursive: true, force: true })
  }
}
