import { createHmac, randomBytes } from 'node:crypto'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { demo } from './world'

// A program's WebSocket session, by hand (RFC 6455): a page's own would be
// refused for its origin, and Node has one from version 22 on only.

type Message = { e: string; oid?: string; code?: string; ok?: string; data?: unknown }

export class Session {
  readonly messages: Message[] = []
  /** The status of the close frame; 0 while the session is open. */
  closed = 0
  #rest: Buffer = Buffer.alloc(0)

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', () => undefined) // the test looks at `closed`
  }

  /** Connects and logs on (docs/protocol.md, "WebSocket"). */
  static async open(key: { id: string; secret: string }): Promise<Session> {
    const { hostname, port } = new URL(demo.gateway)
    const socket = await new Promise<Socket>((done, fail) => {
      const headers = {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      }
      request({ host: hostname, port, path: '/api/ws', headers, agent: false })
        .on('upgrade', (_answer, socket, head: Buffer) => {
          socket.unshift(head)
          done(socket as Socket)
        })
        .on('response', (answer) => fail(new Error(`no session: ${answer.statusCode}`)))
        .on('error', fail)
        .end()
    })
    const session = new Session(socket)
    await session.#until('connected')
    const timestamp = String(Math.floor(Date.now() / 1000))
    const signature = createHmac('sha256', key.secret)
      .update(timestamp + key.id)
      .digest('hex')
    session.#say({ e: 'auth', oid: 'auth', auth: { key: key.id, signature, timestamp } })
    const answer = await session.#until('auth')
    if (answer.ok !== 'ok') throw new Error(`logon: ${JSON.stringify(answer)}`)
    return session
  }

  /** One call and its answer. */
  async ask(action: string): Promise<Message> {
    this.#say({ e: action, oid: randomBytes(4).toString('hex'), data: {} })
    return this.#until(action)
  }

  end(): void {
    this.socket.destroy()
  }

  /** A text frame of a client: final, masked. All of ours are shorter than 64 KiB. */
  #say(message: object): void {
    const text = Buffer.from(JSON.stringify(message))
    const mask = randomBytes(4)
    const head = Buffer.from([0x81, 0xfe, text.length >> 8, text.length & 255])
    this.socket.write(Buffer.concat([head, mask, text.map((byte, i) => byte ^ (mask[i % 4] ?? 0))]))
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    while (this.#rest.length >= 2) {
      const short = this.#rest.readUInt8(1) & 127
      const begin = short < 126 ? 2 : short === 126 ? 4 : 10
      if (this.#rest.length < begin) return
      const size =
        short < 126 ? short : short === 126 ? this.#rest.readUInt16BE(2) : Number(this.#rest.readBigUInt64BE(2))
      if (this.#rest.length < begin + size) return
      const body = this.#rest.subarray(begin, begin + size)
      const kind = this.#rest.readUInt8(0) & 15
      if (kind === 1) this.messages.push(JSON.parse(body.toString()))
      if (kind === 8) this.closed = size >= 2 ? body.readUInt16BE(0) : 1005
      this.#rest = this.#rest.subarray(begin + size)
    }
  }

  async #until(kind: string): Promise<Message> {
    const seen = kind === 'connected' ? 0 : this.messages.length
    for (let i = 0; i < 200; i++) {
      const found = this.messages.slice(seen).find((m) => m.e === kind)
      if (found) return found
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`no ${kind} came, but ${JSON.stringify(this.messages)}`)
  }
}
