import { describe, expect, it } from 'vitest'
import type { Action } from '@/api/types'
import { type Body, bodyOf, json, literal, now } from './body'
import { example, kindsOf, pathOf, target } from './example'

const order: Action = {
  name: 'do_my_new_order',
  group: 'Orders',
  purpose: 'Place an order',
  permission: 'trade',
  cost: 1,
  publicCost: 0,
  rest: true,
  ws: true,
  publicRest: false,
  publicWs: false,
  mutating: true,
  onBehalf: false,
  deprecated: false,
}
const { permission: _, ...keyless } = order
const ticker: Action = { ...keyless, name: 'get_ticker', rest: false, ws: false, publicRest: true, publicWs: true }
const stream: Action = { ...order, name: 'trade_subscribe', rest: false }

describe('the example call', () => {
  it('writes the present time as each client does', () => {
    const body: Body = { timestamp: now }
    expect(json(body, "'$(date +%s000)'")).toBe(`{"timestamp":'$(date +%s000)'}`)
    expect(literal(body)).toBe('{ timestamp: Date.now() }')
    expect(example({ ...stream, name: 'do_cancel_my_order' }, 'ws', 17)).toContain('"timestamp":17}')
  })
  it('keeps the single quotes of the shell balanced', () => {
    for (const kind of ['curl', 'latchkey'] as const) {
      expect((example(order, kind, 0).match(/'/g) ?? []).length % 2).toBe(0)
    }
  })
  it('writes nested members and lists as JavaScript', () => {
    expect(literal({ a: 'x', b: ['y', 'z'], c: { d: 'e' }, n: 3 })).toBe(
      "{\n  a: 'x',\n  b: ['y', 'z'],\n  c: { d: 'e' },\n  n: 3,\n}",
    )
  })
  it('sends {} for a method that this console does not know', () => {
    expect(bodyOf('do_something_new')).toEqual({})
    expect(example({ ...order, name: 'do_something_new' }, 'latchkey', 0)).toBe("latchkey call do_something_new '{}'")
  })
  it('signs where a key can be used, and does not where none can', () => {
    expect(example(order, 'curl', 0)).toContain('X-AGGR-SIGNATURE')
    expect(example(ticker, 'curl', 0)).not.toContain('X-AGGR')
    expect(example(ticker, 'latchkey', 0)).toContain('--public')
    expect(pathOf(order, 'curl')).toBe('/api/rest/do_my_new_order')
    expect(pathOf(ticker, 'curl')).toBe('/api/rest-public/get_ticker')
    expect(pathOf(ticker, 'ws')).toBe('/api/ws-public')
  })
  it('names the whole address where the gateway is known', () => {
    expect(target(order, 'curl', 'https://api.example.com/')).toBe(
      'POST https://api.example.com/api/rest/do_my_new_order',
    )
    expect(target(order, 'ws', 'http://127.0.0.1:8081')).toBe('ws://127.0.0.1:8081/api/ws')
    expect(target(order, 'curl', undefined)).toBe('POST /api/rest/do_my_new_order')
  })
  it('offers the clients that can call the method', () => {
    expect(kindsOf(order)).toEqual(['ccxt', 'curl', 'latchkey', 'ws'])
    expect(kindsOf(stream)).toEqual(['ws'])
  })
})
