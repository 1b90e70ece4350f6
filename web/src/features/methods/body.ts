// A body for the example call of each method that takes one. An operator's
// catalog may have methods that are not here; their example sends {}.

/** Stands for the present time in milliseconds, which each client writes in its own way. */
export const now = Symbol('now')

export type Value = string | number | typeof now | readonly string[] | { readonly [name: string]: string }
export type Body = { readonly [name: string]: Value }

const pair = { pair: 'BTC-USD' }
const pairs = { pairs: ['BTC-USD', 'ETH-USD'] }

const bodies: Readonly<Record<string, Body>> = {
  do_cancel_my_order: { clientOrderId: 'order-1', cancelRequestId: 'cancel-1', timestamp: now },
  do_create_account: { accountId: 'bot', currency: 'USD' },
  do_deposit_funds_from_wallet: { clientTxId: 'deposit-1', accountId: 'bot', currency: 'USD', amount: '10' },
  do_my_internal_transfer: {
    clientTxId: 'transfer-1',
    fromAccountId: 'bot',
    toAccountId: 'hedge',
    currency: 'USD',
    amount: '10',
  },
  do_my_new_order: {
    clientOrderId: 'order-1',
    accountId: 'bot',
    currency1: 'BTC',
    currency2: 'USD',
    side: 'BUY',
    orderType: 'Limit',
    timeInForce: 'GTC',
    amountCcy1: '0.01',
    price: '20000',
    timestamp: now,
  },
  do_withdrawal_funds: {
    clientTxId: 'withdrawal-1',
    accountId: 'bot',
    currency: 'BTC',
    amount: '0.1',
    instrument: 'crypto',
    blockchain: 'bitcoin',
    parameters: { address: 'bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4' },
  },
  do_withdrawal_funds_to_wallet: { clientTxId: 'withdrawal-2', accountId: 'bot', currency: 'USD', amount: '10' },
  get_candles: { pair: 'BTC-USD', resolution: '1h', dataType: 'bestAsk', toISO: now, limit: 24 },
  get_current_rates: pairs,
  get_demo_order_book: pair,
  get_deposit_address: { accountId: 'bot', currency: 'BTC', blockchain: 'bitcoin' },
  get_exchange_rate: { side: 'BUY', accountId: 'bot', currency: 'BTC', counterCurrency: 'USD', amount: '0.1' },
  get_my_current_fee: pairs,
  get_my_orders: pair,
  get_my_trading_conditions: pairs,
  get_order_book: pair,
  get_pairs_info: pairs,
  get_processing_info: { currencies: ['BTC'] },
  get_ticker: pairs,
  get_trade_history: pair,
  order_book_subscribe: pair,
  order_book_unsubscribe: pair,
  trade_subscribe: pair,
  trade_unsubscribe: pair,
}

export function bodyOf(action: string): Body {
  return bodies[action] ?? {}
}

/** JSON with `time` in the place of the present time. */
export function json(body: Body, time: string): string {
  const marker = '\u0000'
  const text = JSON.stringify(body, (_, value: unknown) => (value === now ? marker : value))
  return text.replaceAll(JSON.stringify(marker), time)
}

/** A JavaScript literal, one member a line. */
export function literal(body: Body, indent = ''): string {
  const members = Object.entries(body)
  if (members.length === 0) return '{}'
  const lines = members.map(([name, value]) => `${indent}  ${name}: ${literalOf(value, `${indent}  `)},`)
  return members.length === 1 ? `{ ${lines[0]?.trim().slice(0, -1)} }` : `{\n${lines.join('\n')}\n${indent}}`
}

const isList = (value: Value): value is readonly string[] => Array.isArray(value)

function literalOf(value: Value, indent: string): string {
  if (value === now) return 'Date.now()'
  if (typeof value === 'string') return quoted(value)
  if (typeof value !== 'object') return String(value)
  return isList(value) ? `[${value.map(quoted).join(', ')}]` : literal(value, indent)
}

const quoted = (text: string) => `'${text}'`
