import type { ProblemError } from '@/api/problem'
import type { Outcome, Step } from '@/api/types'

// How a second factor is added: the form, the proof of a factor that is there
// already (the pop-up of stepup stands over the form), the new one's own proof,
// and the recovery codes that come with the first. Pure: the calls are made by
// useEnrolment.ts.

export type Enrolment =
  | { name: 'asking'; trouble: ProblemError | null }
  | { name: 'sending' }
  /** The new factor proves that it works. */
  | { name: 'validating'; step: Step }
  | { name: 'codes'; codes: string[] }
  | { name: 'done' }

export type Event =
  | { type: 'submit' }
  | { type: 'began'; step: Step }
  | { type: 'refused'; problem: ProblemError }
  /** An existing factor confirmed, or the new one did. */
  | { type: 'confirmed'; outcome: Outcome }
  /** Back to the form, which has kept what was typed. */
  | { type: 'back' }
  | { type: 'saved' }

export const start: Enrolment = { name: 'asking', trouble: null }

export function reduce(state: Enrolment, event: Event): Enrolment {
  switch (event.type) {
    case 'submit':
      return state.name === 'codes' ? state : { name: 'sending' }
    case 'began': // with "enrol_factor" the form stays, and the pop-up opens over it
      return event.step.operation === 'validate_factor' ? { name: 'validating', step: event.step } : start
    case 'refused':
      return { name: 'asking', trouble: event.problem }
    case 'confirmed':
      return confirmed(event.outcome)
    case 'back':
      return state.name === 'codes' ? state : start
    case 'saved':
      return { name: 'done' }
  }
}

function confirmed(outcome: Outcome): Enrolment {
  if (outcome.next) return { name: 'validating', step: outcome.next }
  const codes = outcome.recoveryCodes ?? []
  return codes.length > 0 ? { name: 'codes', codes } : { name: 'done' }
}
