import { expect, type Page, test as plain, row } from './fixture'
import { enter, type Person } from './world'

// A system whose clock these tests move, with the browser's. A Go test starts
// it and plays them (internal/testenv/browser_test.go): the program itself has
// no way to move its clock.

async function ask<T>(what: string, body: object = {}): Promise<T> {
  const desk = process.env.LATCHKEY_CONTROL
  if (!desk) throw new Error('these tests are played by `go test -tags browser -run InABrowser ./internal/testenv`')
  const answer = await fetch(`${desk}/${what}`, { method: 'POST', body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${what}: ${await answer.text()}`)
  return answer.json()
}

/** An owner of an account of their own; with an authenticator app, or with a phone that is still to be enrolled. */
export const newOwner = (app = false): Promise<Person & { seed: string }> => ask('owner', { app })

/** What an authenticator app shows at the server's present moment. */
export const totp = async (seed: string): Promise<string> => (await ask<{ code: string }>('totp', { seed })).code

/** Starts a system that nobody has set up; the link of its first start. */
export const fresh = async (): Promise<string> => (await ask<{ link: string }>('fresh')).link

/** A key bot-1, and the list that shows it. */
export async function listed(page: Page, who: Person, active = true): Promise<string> {
  const { id } = await ask<{ id: string }>('key', { account: who.account, name: 'bot-1', active })
  await page.goto('/settings/api-keys')
  await expect(row(page)).toBeVisible()
  return id
}

/** "2:00" in seconds. */
const seconds = (text: string): number => text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)

/** The clock of the server, which stands still between two moves, and that of the browser. */
export class Clock {
  #now = 0
  #zero = 0

  /** ahead: by how many seconds the browser's clock is wrong. */
  constructor(
    private readonly page: Page,
    private readonly ahead: number,
  ) {}

  async start(): Promise<void> {
    await this.server(0)
    await this.page.clock.install({ time: this.#shown })
    await this.page.clock.setFixedTime(this.#shown)
  }

  get #shown(): number {
    return this.#now + this.ahead * 1000
  }

  /** Moves the server's clock only. */
  async server(by: number): Promise<void> {
    this.#now = (await ask<{ now: number }>('advance', { seconds: by })).now
  }

  /** From now on `at` counts. */
  zero(): void {
    this.#zero = this.#now
  }

  /** Moves both clocks to so much ("4:59") after `zero`. What waits for a time in the page happens. */
  async at(text: string): Promise<void> {
    const by = seconds(text) - (this.#now - this.#zero) / 1000
    await this.server(by)
    // In this order: what the page does at the new time must see the new time.
    await this.page.clock.setFixedTime(this.#shown)
    await this.page.clock.fastForward(by * 1000)
  }
}

type Options = { ahead: number }
type Fixtures = { clock: Clock }

export const test = plain.extend<Options & Fixtures>({
  ahead: [0, { option: true }],
  clock: [
    async ({ page, ahead }, use) => {
      const clock = new Clock(page, ahead)
      await clock.start()
      await use(clock)
    },
    { auto: true },
  ],
  who: async ({ page }, use) => use(await enter(page, await newOwner())),
})

/** Asks the server for something on the open pending, past the buttons, as a script in the page could. */
export function past(page: Page, what: 'resend' | 'confirm', body: object = {}): Promise<unknown> {
  const id = new URL(page.url()).searchParams.get('pending')
  return page.evaluate(
    async ([path, text]) => {
      const headers = { 'Content-Type': 'application/json' }
      const init = path?.endsWith('resend') ? {} : { body: text ?? '', headers }
      return (await fetch(path ?? '', { method: 'POST', ...init })).json()
    },
    [`/v1/pending/${id}/${what}`, JSON.stringify(body)],
  )
}
