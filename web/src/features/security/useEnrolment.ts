import { useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useEffect, useReducer, useRef } from 'react'
import { toProblem } from '@/api/problem'
import { refresh } from '@/api/queries'
import type { Outcome } from '@/api/types'
import { cancelPending } from '@/features/stepup/useProof'
import { useStepUp } from '@/features/stepup/useStepUp'
import { randomText } from '@/lib/random'
import { notify } from '@/ui/Notes'
import { type Enrolment, reduce, start } from './enrolment'
import { beginEnrol, type Wanted } from './queries'

export type EnrolmentActs = {
  state: Enrolment
  submit: () => Promise<void>
  confirmed: (outcome: Outcome) => void
  back: () => void
  saved: () => void
  /** The proof of an existing factor; put it beside the pop-up. */
  dialog: ReactNode
}

type Config = { wanted: Wanted; password: string; done: string; close: () => void }

/** Adds a second factor. At the end it says so and closes. */
export function useEnrolment({ wanted, password, done, close }: Config): EnrolmentActs {
  const [state, dispatch] = useReducer(reduce, start)
  const cache = useQueryClient()
  const once = useRef(randomText())
  const submit = async () => {
    dispatch({ type: 'submit' })
    try {
      const step = await beginEnrol(wanted, password, once.current)
      once.current = randomText() // the next one is another
      if (step.operation === 'enrol_factor') proof.open(step)
      dispatch({ type: 'began', step })
    } catch (error) {
      const problem = toProblem(error)
      if (!problem.silent) once.current = randomText()
      dispatch({ type: 'refused', problem })
    }
  }
  const confirmed = (outcome: Outcome) => {
    if (outcome.factor) void refresh(cache)
    dispatch({ type: 'confirmed', outcome })
  }
  const proof = useStepUp({ operations: ['enrol_factor'], onConfirmed: confirmed, onAgain: () => void submit() })
  useFinished(state, done, close)
  return {
    state,
    submit,
    confirmed,
    back: () => {
      if (state.name === 'validating') cancelPending(state.step.id)
      dispatch({ type: 'back' })
    },
    saved: () => dispatch({ type: 'saved' }),
    dialog: proof.dialog,
  }
}

function useFinished(state: Enrolment, done: string, close: () => void) {
  const over = state.name === 'done'
  const end = useRef(() => {})
  useEffect(() => {
    end.current = () => {
      notify(done)
      close()
    }
  })
  useEffect(() => {
    if (over) end.current()
  }, [over])
}
