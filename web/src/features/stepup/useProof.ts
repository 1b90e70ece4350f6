import { useEffect, useReducer, useRef } from 'react'
import { answer, client } from '@/api/client'
import { ProblemError, toProblem } from '@/api/problem'
import type { Outcome, Step } from '@/api/types'
import { askPasskey, PasskeyError } from '@/lib/webauthn'
import { begin, type Proof, reduce } from './reducer'

export type ProofActs = {
  state: Proof
  typed: (code: string) => void
  recovery: (on: boolean) => void
  choosing: (on: boolean) => void
  confirm: () => Promise<void>
  /** Lets the browser ask for the passkey, then confirms with it. */
  passkey: () => Promise<void>
  resend: () => Promise<void>
  choose: (factorId: string) => Promise<void>
}

/** Runs the reducer of a pending and makes its calls. onConfirmed gets what the confirmation made, once. */
export function useProof(step: Step, onConfirmed: (outcome: Outcome) => void): ProofActs {
  const [state, dispatch] = useReducer(reduce, step, begin)
  const path = { id: state.step.id }
  const tell = (error: unknown) => dispatch({ type: 'refused', problem: toProblem(error) })

  const gone = useGone()
  const prove = async (make: () => Promise<Proving> | Proving) => {
    dispatch({ type: 'submit' })
    try {
      const body = await make()
      onConfirmed(await answer(client.POST('/v1/pending/{id}/confirm', { params: { path }, body })))
    } catch (error) {
      tell(error instanceof PasskeyError ? new ProblemError({ code: `passkey_${error.reason}` }) : error)
    }
  }
  const move = async (sent: boolean, call: () => Promise<Step>) => {
    dispatch({ type: 'send' })
    try {
      dispatch({ type: 'stepped', step: await call(), sent })
    } catch (error) {
      tell(error)
    }
  }
  return {
    state,
    typed: (code) => dispatch({ type: 'typed', code }),
    recovery: (on) => dispatch({ type: 'recovery', on }),
    choosing: (on) => dispatch({ type: on ? 'choose' : 'keep' }),
    confirm: () => prove(() => (state.recovery ? { recoveryCode: state.code.trim() } : { code: state.code })),
    passkey: () => prove(async () => ({ passkey: await askPasskey(state.step.passkey ?? {}, gone()) })),
    resend: () => move(true, () => answer(client.POST('/v1/pending/{id}/resend', { params: { path } }))),
    choose: (factorId) =>
      move(false, () => answer(client.POST('/v1/pending/{id}/factor', { params: { path }, body: { factorId } }))),
  }
}

type Proving = { code: string } | { recoveryCode: string } | { passkey: { [name: string]: unknown } }

/** A signal that the pop-up has gone: the browser's own question would stay otherwise, and block the next one. */
function useGone(): () => AbortSignal {
  const control = useRef<AbortController | null>(null)
  useEffect(() => () => control.current?.abort(), [])
  return () => {
    control.current?.abort()
    control.current = new AbortController()
    return control.current.signal
  }
}

/** Drops a pending that its member walked away from. Nobody waits for the answer: it ends by itself as well. */
export function cancelPending(id: string): void {
  answer(client.POST('/v1/pending/{id}/cancel', { params: { path: { id } } })).catch(() => undefined)
}
