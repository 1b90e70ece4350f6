import type { ProblemError } from '@/api/problem'
import type { Step } from '@/api/types'

// What can happen while an operation waits for its proof. Pure: the calls are
// made by useProof.ts, the time is an argument.

/** Why a pending cannot go on. Nothing was changed by it, but after "confirmed". */
export type Ending =
  | 'dead' // five codes were tried
  | 'waited' // its time is over
  | 'changed' // the key is another one by now
  | 'closed' // cancelled, here or in another tab
  | 'session' // begun in a session that has ended
  | 'confirmed' // an earlier answer was lost, or another tab was quicker
  | 'refused' // the operation itself is not possible any more; the problem says why

export type Proof = {
  /** choosing: which factor. asking: the code. checking, sending: a call is on its way. over: the ending. */
  name: 'choosing' | 'asking' | 'checking' | 'sending' | 'over'
  step: Step
  code: string
  /** A recovery code is typed instead of a code. */
  recovery: boolean
  /** What the last try met; shown until the next one. */
  trouble: ProblemError | null
  ending: Ending | null
  /** How many codes were sent since the pop-up opened, for the message that says so. */
  resent: number
}

export type Event =
  | { type: 'typed'; code: string }
  | { type: 'recovery'; on: boolean }
  | { type: 'submit' }
  | { type: 'choose' }
  | { type: 'keep' } // the chosen factor after all
  | { type: 'send' }
  | { type: 'stepped'; step: Step; sent: boolean }
  | { type: 'refused'; problem: ProblemError }

/** Where a pending stands when it is first shown; a linked one may be over already. */
export function begin(step: Step): Proof {
  const state: Proof = { name: 'asking', step, code: '', recovery: false, trouble: null, ending: null, resent: 0 }
  const ended = { open: null, confirmed: 'confirmed', cancelled: 'closed', dead: 'dead', void: 'changed' } as const
  const ending = ended[step.state]
  if (ending) return { ...state, name: 'over', ending }
  return step.proof === 'second_factor' && !step.factorKind ? { ...state, name: 'choosing' } : state
}

export function reduce(state: Proof, event: Event): Proof {
  if (state.name === 'over') return state
  switch (event.type) {
    case 'typed':
      return { ...state, code: event.code }
    case 'recovery':
      return { ...state, recovery: event.on, code: '', trouble: null, name: 'asking' }
    case 'choose':
      return state.name === 'asking' ? { ...state, name: 'choosing', trouble: null } : state
    case 'keep':
      return { ...state, name: 'asking' }
    case 'submit':
      return state.name === 'asking' ? { ...state, name: 'checking', trouble: null } : state
    case 'send':
      return { ...state, name: 'sending', trouble: null }
    case 'stepped':
      return stepped(state, event.step, event.sent)
    case 'refused':
      return refused(state, event.problem)
  }
}

/** The server's newest view of the pending, after another code was sent or another factor chosen. */
function stepped(state: Proof, step: Step, sent: boolean): Proof {
  const next = begin(step)
  return { ...next, resent: state.resent + (sent ? 1 : 0) }
}

/** The codes of the API that end a pending. All others leave it open. */
const endings: Record<string, Ending> = {
  pending_dead: 'dead',
  pending_expired: 'waited',
  pending_cancelled: 'closed',
  pending_closed: 'closed',
  pending_confirmed: 'confirmed',
  other_session: 'session',
  not_found: 'session',
  key_changed: 'changed',
  key_not_found: 'changed',
  wrong_status: 'changed',
  name_taken: 'refused',
  too_many_keys: 'refused',
}

function refused(state: Proof, problem: ProblemError): Proof {
  const ending = endings[problem.code]
  if (ending) return { ...state, name: 'over', ending, trouble: problem, code: '' }
  const back: Proof = { ...state, name: 'asking', trouble: problem }
  switch (problem.code) {
    case 'wrong_code':
    case 'code_used': // it cost a try like a wrong one
      return { ...back, code: '', step: { ...state.step, triesLeft: problem.triesLeft ?? state.step.triesLeft } }
    case 'code_expired': // the server's clock decides, whatever the countdown shows
      return { ...back, code: '', trouble: null, step: { ...state.step, codeExpiresAt: new Date(0).toISOString() } }
    case 'code_replaced':
      return { ...back, code: '' }
    case 'no_sends_left':
      return { ...back, step: { ...state.step, sendsLeft: 0 } }
    case 'factor_not_found':
      return state.step.factors.length > 1
        ? { ...back, name: 'choosing' }
        : { ...state, name: 'over', ending: 'refused', trouble: problem }
    default: // no answer, too many tries, a fault: what was typed stays
      return back
  }
}

/** What the clock makes of a state. Milliseconds; null where there is nothing to count. */
export type Timing = {
  codeLeft: number | null
  expired: boolean
  /** Whether the button "Resend" is there. */
  resend: boolean
  resendIn: number | null
}

export function timing(state: Proof, now: number): Timing {
  const { codeExpiresAt, resendAt, sendsLeft } = state.step
  if (!codeExpiresAt || state.recovery) return { codeLeft: null, expired: false, resend: false, resendIn: null }
  const codeLeft = Math.max(0, Date.parse(codeExpiresAt) - now)
  const expired = codeLeft === 0
  const wait = resendAt && sendsLeft > 0 ? Math.max(0, Date.parse(resendAt) - now) : null
  return { codeLeft, expired, resend: wait === 0 || (expired && sendsLeft > 0), resendIn: wait === 0 ? null : wait }
}

/** The ending by time: nobody tells the browser when the pending ends. */
export function endingAt(state: Proof, now: number): Ending | null {
  return state.ending ?? (Date.parse(state.step.expiresAt) <= now ? 'waited' : null)
}

/** Six digits out of what was typed or pasted: "123 456", "Code: 123456." */
export function digits(text: string): string {
  return text.normalize('NFKC').replace(/\D/g, '').slice(0, 6)
}

/** Whether the code may be sent. */
export function complete(state: Proof): boolean {
  if (!state.recovery) return state.code.length === 6
  const letters = state.code.replace(/[^0-9A-Za-z]/g, '').length
  return letters === 24 || letters === 16 // 16 in codes of before
}

/** Whether a passkey is asked for and no code is typed. */
export function usesPasskey(state: Proof): boolean {
  return state.step.factorKind === 'passkey' && !state.recovery
}

/** Which text under "lead" says what to do. A new phone has no label yet, a new passkey does not exist yet. */
export function leadOf(step: Step): 'totp' | 'sms' | 'email' | 'passkey' | 'newPhone' | 'newPasskey' {
  const kind = step.factorKind ?? 'totp'
  if (step.proof !== 'new_factor') return kind
  return kind === 'sms' ? 'newPhone' : kind === 'passkey' ? 'newPasskey' : kind
}
