import { createHmac } from 'node:crypto'
import { demo } from './world'

// A program with a key, as an owner runs it beside the console.

export type Call = { action: string; sent: number; answered: number; status: number; code: string }

const bodies: Record<string, (n: number) => object> = {
  get_my_account_status_v3: () => ({}),
  do_my_new_order: (n) => ({
    clientOrderId: `e2e-${Date.now()}-${n}`,
    currency1: 'BTC',
    currency2: 'USD',
    side: 'BUY',
    orderType: 'Limit',
    amountCcy1: '0.01',
    price: '1000',
    timestamp: Date.now(),
  }),
  do_my_internal_transfer: (n) => ({
    fromAccountId: '',
    toAccountId: 'e2e',
    currency: 'USD',
    amount: '1',
    clientTxId: `e2e-${Date.now()}-${n}`,
  }),
}

export class Bot {
  readonly calls: Call[] = []
  #timer: ReturnType<typeof setInterval> | undefined
  #n = 0

  constructor(readonly key: { id: string; secret: string }) {}

  /** One signed call (docs/protocol.md, "Signing a call"). `code` is the gateway's reason, or "passed". */
  async call(action: string): Promise<Call> {
    const body = JSON.stringify(bodies[action]?.(++this.#n) ?? {})
    const time = String(Math.floor(Date.now() / 1000))
    const mac = createHmac('sha256', this.key.secret).update(action + time + body)
    const sent = performance.timeOrigin + performance.now()
    const answer = await fetch(`${demo.gateway}/api/rest/${action}`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'X-AGGR-KEY': this.key.id,
        'X-AGGR-TIMESTAMP': time,
        'X-AGGR-SIGNATURE': mac.digest('base64'),
      },
      body,
    })
    const { code = 'passed' }: { code?: string } = await answer.json()
    const call = { action, sent, answered: performance.timeOrigin + performance.now(), status: answer.status, code }
    this.calls.push(call)
    return call
  }

  /** Calls every action once a second until it is stopped. */
  run(...actions: string[]): void {
    const all = () => Promise.all(actions.map((action) => this.call(action))).catch(() => undefined)
    this.#timer = setInterval(all, 1000)
    void all()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
