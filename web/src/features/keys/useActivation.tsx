import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { useExplain } from '@/api/explain'
import type { Key, Outcome } from '@/api/types'
import { useStepUp } from '@/features/stepup/useStepUp'
import { Notice } from '@/ui/Notice'
import { beginActivate } from './queries'

type Activation = {
  start: () => void
  busy: boolean
  /** Why it could not begin. */
  trouble: ReactNode
  /** The pop-up for the code by e-mail. */
  dialog: ReactNode
  done: Outcome | null
}

/** Activation, from the button over the code by e-mail to the outcome. */
export function useActivation(key: Key): Activation {
  const explain = useExplain()
  const [done, setDone] = useState<Outcome | null>(null)
  const begin = useMutation({ mutationFn: () => beginActivate(key), onSuccess: (step) => proof.open(step) })
  const proof = useStepUp({ operations: ['activate'], onConfirmed: setDone, onAgain: () => begin.mutate() })
  return {
    start: () => begin.mutate(),
    busy: begin.isPending,
    trouble: begin.isError && <Notice kind="bad">{explain(begin.error).text}</Notice>,
    dialog: proof.dialog,
    done,
  }
}
