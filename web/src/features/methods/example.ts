import type { Action } from '@/api/types'
import { bodyOf, json, literal } from './body'

// The example call of a method for each client. What the examples hold are
// commands, not sentences; they are the same in every language.

export type Kind = 'ccxt' | 'curl' | 'latchkey' | 'ws'

/** The clients that can call the method, in the order of the choice. */
export function kindsOf(action: Action): Kind[] {
  const rest: Kind[] = action.rest || action.publicRest ? ['ccxt', 'curl', 'latchkey'] : []
  return action.ws || action.publicWs ? [...rest, 'ws'] : rest
}

/** Whether a key is used: where both ways exist, the example signs. */
export function signs(action: Action, kind: Kind): boolean {
  return kind === 'ws' ? action.ws : action.rest
}

/** The path at the gateway under which the example calls. */
export function pathOf(action: Action, kind: Kind): string {
  const open = signs(action, kind) ? '' : '-public'
  return kind === 'ws' ? `/api/ws${open}` : `/api/rest${open}/${action.name}`
}

/** The text of the example. `at`: milliseconds since 1970; only a message over WebSocket has the time as a number. */
export function example(action: Action, kind: Kind, at: number): string {
  return kind === 'ws' ? ws(action, at) : { ccxt, curl, latchkey }[kind](action)
}

/** How the file that a new key is downloaded in becomes the environment. */
export const loadEnvironment = 'set -a; . ./key.env; set +a'

/** For a call without a key, which needs no more than the address of the gateway. */
export function setGateway(gateway: string | undefined): string {
  return `export LATCHKEY_GATEWAY=${gateway ?? 'https://gateway.example.com'}`
}

/** Where the example calls, whole as far as the operator has said where the gateway is. */
export function target(action: Action, kind: Kind, gateway: string | undefined): string {
  const path = pathOf(action, kind)
  const base = (gateway ?? '').replace(/\/+$/, '')
  return kind === 'ws' ? `${base.replace(/^http/, 'ws')}${path}` : `POST ${base}${path}`
}

/** `request` reaches every method, also those for which ccxt has no name of its own. */
function ccxt(action: Action): string {
  const key = action.rest
    ? `new ccxt.cex({\n  apiKey: process.env.LATCHKEY_KEY,\n  secret: process.env.LATCHKEY_SECRET,\n})`
    : 'new ccxt.cex()'
  const [api, base] = action.rest ? ['private', 'rest'] : ['public', 'rest-public']
  return `import ccxt from 'ccxt'

const exchange = ${key}
exchange.urls.api.${api} = \`\${process.env.LATCHKEY_GATEWAY}/api/${base}\`
const answer = await exchange.request('${action.name}', '${api}', 'POST', ${literal(bodyOf(action.name))})
console.log(answer)`
}

/** In the shell's single quotes; the time stands between two quoted parts. */
const shellJson = (action: Action) => `'${json(bodyOf(action.name), "'$(date +%s000)'")}'`

function curl(action: Action): string {
  const url = `"$LATCHKEY_GATEWAY${pathOf(action, 'curl')}"`
  if (!action.rest) return `curl ${url} \\\n  -H 'Content-Type: application/json' \\\n  -d ${shellJson(action)}`
  return `body=${shellJson(action)}
time=$(date +%s)
signature=$(printf %s "${action.name}$time$body" |
  openssl dgst -sha256 -hmac "$LATCHKEY_SECRET" -binary | base64)
curl ${url} \\
  -H "X-AGGR-KEY: $LATCHKEY_KEY" \\
  -H "X-AGGR-TIMESTAMP: $time" \\
  -H "X-AGGR-SIGNATURE: $signature" \\
  -H 'Content-Type: application/json' \\
  -d "$body"`
}

function latchkey(action: Action): string {
  return `latchkey call ${action.rest ? '' : '--public '}${action.name} ${shellJson(action)}`
}

function ws(action: Action, at: number): string {
  return `{"e":"${action.name}","oid":"1","data":${json(bodyOf(action.name), String(at))}}`
}
