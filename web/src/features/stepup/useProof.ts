import { useReducer } from 'react'
import { answer, client } from '@/api/client'
import { toProblem } from '@/api/problem'
import type { Outcome, Step } from '@/api/types'
import { begin, type Proof, reduce } from './reducer'

export type ProofActs = {
  state: Proof
  typed: (code: string) => void
  recovery: (on: boolean) => void
  choosing: (on: boolean) => void
  confirm: () => Promise<void>
  resend: () => Promise<void>
  choose: (factorId: string) => Promise<void>
}

/** Runs the reducer of a pending and makes its calls. onConfirmed gets what the confirmation made, once. */
export function useProof(step: Step, onConfirmed: (outcome: Outcome) => void): ProofActs {
  const [state, dispatch] = useReducer(reduce, step, begin)
  const path = { id: state.step.id }
  const tell = (error: unknown) => dispatch({ type: 'refused', problem: toProblem(error) })

  const confirm = async () => {
    dispatch({ type: 'submit' })
    const body = state.recovery ? { recoveryCode: state.code.trim() } : { code: state.code }
    try {
      onConfirmed(await answer(client.POST('/v1/pending/{id}/confirm', { params: { path }, body })))
    } catch (error) {
      tell(error)
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
    confirm,
    resend: () => move(true, () => answer(client.POST('/v1/pending/{id}/resend', { params: { path } }))),
    choose: (factorId) =>
      move(false, () => answer(client.POST('/v1/pending/{id}/factor', { params: { path }, body: { factorId } }))),
  }
}

/** Drops a pending that its member walked away from. Nobody waits for the answer: it ends by itself as well. */
export function cancelPending(id: string): void {
  answer(client.POST('/v1/pending/{id}/cancel', { params: { path: { id } } })).catch(() => undefined)
}
