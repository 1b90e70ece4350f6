import { execFileSync } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Page } from '@playwright/test'

// The running demo that the tests use: LATCHKEY_DATA is its folder, LATCHKEY_BIN
// the program. Codes come from the inbox of the demo, as a person would read them.

const data = process.env.LATCHKEY_DATA ?? '../data'
const bin = process.env.LATCHKEY_BIN ?? '../bin/latchkey'

type Demo = {
  console: string
  gateway: string
  inbox: string
  email: string
  password: string
  totp_secret: string
  subuser_email: string
  subuser_password: string
}

export const demo: Demo = JSON.parse(readFileSync(`${data}/demo.json`, 'utf8'))

export type Person = { account: string; email: string; password: string; phone: string }

function operator(...args: string[]): string {
  return execFileSync(bin, [...args, '--data', data, '--json'], { encoding: 'utf8' })
}

/** An account of its own for a test, with an owner who has no second factor yet. */
export function newOwner(role: 'owner' | 'subuser' = 'owner', account?: string): Person {
  const tag = randomBytes(4).toString('hex')
  const name = account ?? `acme-${tag}`
  if (!account) operator('account', 'create', name)
  const email = `${tag}@${name}.example`
  const made: { password: string } = JSON.parse(
    operator('member', 'add', '--account', name, '--email', email, '--role', role),
  )
  return { account: name, email, password: made.password, phone: `+3531${Date.now().toString().slice(-7)}` }
}

/** A key that the operator makes; inactive unless active is asked for. */
export function newKey(account: string, name: string, ...flags: string[]): { id: string; secret: string } {
  const made: { id: string; secret: string } = JSON.parse(
    operator('key', 'create', '--account', account, '--name', name, ...flags),
  )
  return { id: made.id, secret: made.secret }
}

type Message = { id: string; channel: string; to: string; text: string; code: string }

export async function messages(to: string): Promise<Message[]> {
  const all: Message[] = await (await fetch(`${demo.inbox}/messages`)).json()
  return all.filter((m) => m.to === to)
}

/** The code of the newest message to an address or phone that is newer than the `after` messages seen before. */
export async function code(to: string, after = 0): Promise<string> {
  for (let i = 0; i < 100; i++) {
    const found = (await messages(to)).filter((m) => m.code !== '')
    if (found.length > after && found[0]) return found[0].code
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`no code came to ${to}`)
}

export async function codes(to: string): Promise<number> {
  return (await messages(to)).filter((m) => m.code !== '').length
}

/** The six digits of an authenticator app (RFC 6238). Each step counts once, so a second call waits for the next. */
let used = 0
export async function totp(secret: string): Promise<string> {
  const now = () => Math.floor(Date.now() / 30_000)
  used = Math.max(used + 1, now() - 1)
  while (used > now() + 1) await new Promise((resolve) => setTimeout(resolve, 500))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(used))
  const mac = createHmac('sha1', base32(secret)).update(counter).digest()
  const at = (mac.at(-1) ?? 0) & 15
  return String((mac.readUInt32BE(at) & 0x7fff_ffff) % 1_000_000).padStart(6, '0')
}

function base32(text: string): Buffer {
  const bits = [...text].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}

/** Signs in through the form; a phone's code is read from the inbox. */
export async function signIn(page: Page, who: Person, factor: boolean): Promise<void> {
  await page.goto('/sign-in')
  await page.getByLabel('E-mail').fill(who.email)
  await page.getByLabel('Password', { exact: true }).fill(who.password)
  const before = await codes(who.phone)
  await page.getByRole('button', { name: 'Sign in' }).click()
  if (factor) {
    await page.getByLabel('Code').fill(await code(who.phone, before))
    await page.getByRole('button', { name: 'Confirm' }).click()
  }
  await page
    .getByRole('navigation')
    .or(page.getByRole('button', { name: 'Open the menu' }))
    .first()
    .waitFor()
}

/** Gives the signed-in member a phone as second factor, past the screens. */
export async function addPhone(page: Page, who: Person): Promise<void> {
  const post = (path: string, data: object) =>
    page.request.post(path, { data, headers: { 'Sec-Fetch-Site': 'same-origin' } })
  const begun = await post('/v1/factors', { kind: 'sms', phone: who.phone, password: who.password })
  const { id }: { id: string } = await begun.json()
  const done = await post(`/v1/pending/${id}/confirm`, { code: await code(who.phone) })
  if (!done.ok()) throw new Error(`the phone was not added: ${await done.text()}`)
}

/** Signs in past the screens and adds a phone: where most tests begin. */
export async function enter(page: Page, who: Person = newOwner()): Promise<Person> {
  const headers = { 'Sec-Fetch-Site': 'same-origin' }
  const answer = await page.request.post('/v1/session', { data: { email: who.email, password: who.password }, headers })
  if (!answer.ok()) throw new Error(`sign-in: ${await answer.text()}`)
  await addPhone(page, who)
  return who
}

/** Types the newest code into the pop-up; `before` is how many the address had got earlier. */
export async function confirm(page: Page, to: string, before: number): Promise<void> {
  await page.getByLabel('Code').fill(await code(to, before))
  await page.getByRole('button', { name: 'Confirm' }).click()
}

/** Adds an authenticator app beside the phone; returns its seed. */
export async function addApp(page: Page, who: Person): Promise<string> {
  const post = async (path: string, data: object) => {
    const answer = await page.request.post(path, { data, headers: { 'Sec-Fetch-Site': 'same-origin' } })
    if (!answer.ok()) throw new Error(`${path}: ${await answer.text()}`)
    return answer.json()
  }
  const before = await codes(who.phone)
  const begun: { id: string } = await post('/v1/factors', { kind: 'totp', password: who.password })
  const allowed: { next: { id: string; enrolment: { secret: string } } } = await post(
    `/v1/pending/${begun.id}/confirm`,
    {
      code: await code(who.phone, before),
    },
  )
  const seed = allowed.next.enrolment.secret
  await post(`/v1/pending/${allowed.next.id}/confirm`, { code: await totp(seed) })
  return seed
}
