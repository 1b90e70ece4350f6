import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Starts the real program. LATCHKEY names it; without, it is the one of the checkout.

export const program = process.env.LATCHKEY ?? fileURLToPath(new URL('../../bin/latchkey', import.meta.url))

/** A `latchkey demo` with a folder and, from its first start on, ports of its own. */
export class Demo {
  readonly data = mkdtempSync(join(tmpdir(), 'latchkey-web-'))
  #child: ChildProcess | undefined
  #said = ''
  #at = { console: '127.0.0.1:0', gateway: '127.0.0.1:0', 'gateway-tls': '127.0.0.1:0' }

  /** Returns when the console answers. A later start takes the same address, so that a page finds it again. */
  async start(): Promise<{ console: string; gateway: string; inbox: string }> {
    rmSync(join(this.data, 'demo.json'), { force: true })
    const flags = Object.entries(this.#at).map(([name, at]) => `--${name}=${at}`)
    this.#child = spawn(program, ['demo', '--data', this.data, ...flags])
    for (const out of [this.#child.stdout, this.#child.stderr]) {
      out?.on('data', (chunk: Buffer) => {
        this.#said += chunk.toString()
      })
    }
    const info = await this.#ready()
    this.#at.console = new URL(info.console).host.replace('localhost', '127.0.0.1')
    return info
  }

  /** Kills it, as a machine that fails would. */
  async kill(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  async end(): Promise<void> {
    await this.kill()
    rmSync(this.data, { recursive: true, force: true })
  }

  async #ready(): Promise<{ console: string; gateway: string; inbox: string }> {
    for (let i = 0; i < 300; i++) {
      if (this.#child?.exitCode != null) break
      if (existsSync(join(this.data, 'demo.json'))) {
        const info = JSON.parse(readFileSync(join(this.data, 'demo.json'), 'utf8'))
        if (await fetch(info.console).catch(() => undefined)) return info
      }
      await new Promise((resolve) => setTimeout(resolve, 50)) // another process: its clock is the real one
    }
    await this.end()
    throw new Error(`${program} demo did not start; it said: ${this.#said}`)
  }
}

/** Before all tests: a demo for them, unless LATCHKEY_DATA names one that runs already. */
export default async function setUp(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.LATCHKEY_DATA) return undefined
  const demo = new Demo()
  const info = await demo.start()
  // The workers inherit these; world.ts and the configuration read them there.
  process.env.LATCHKEY_DATA = demo.data
  process.env.LATCHKEY_BIN ??= program
  process.env.LATCHKEY_URL ??= info.console
  return () => demo.end()
}
