import { useQueryClient } from '@tanstack/react-query'
import { useNavigate, useRouter, useSearch } from '@tanstack/react-router'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { pendingQuery, refresh } from '@/api/queries'
import type { Operation, Outcome, Step } from '@/api/types'
import { StepUpDialog } from './StepUpDialog'
import { cancelPending } from './useProof'

type Config = {
  /** What this form begins. A pending of another operation in the URL is not its business. */
  operations: Operation[]
  /** Gets what the confirmation made, after the pop-up has left the history. */
  onConfirmed: (outcome: Outcome) => void
  /** Begins the same operation anew from the form below. */
  onAgain?: () => void
  /** The pending was given up, by the button, Escape or browser back. */
  onCancelled?: () => void
}

/**
 * Opens the 2FA pop-up over a form. The pending stands in the URL
 * (?pending=...), so browser back closes the pop-up and leaves the form, and a
 * reload finds it again. Put `dialog` beside the form, never inside a <form>.
 */
export function useStepUp({ operations, onConfirmed, onAgain, onCancelled }: Config): {
  open: (step: Step) => void
  dialog: ReactNode
} {
  const { pending } = useSearch({ strict: false })
  const navigate = useNavigate()
  const router = useRouter()
  const cache = useQueryClient()
  // The pending that this form opened and that was not confirmed.
  const mine = useRef<string | null>(null)
  // The pending that was given up, until it has left the URL: a second Escape must not give it up again.
  const given = useRef<string | null>(null)

  // After a reload both pop-ups appear at once; the one that opens last is on top, so this one waits a turn.
  const [ready, setReady] = useState(false)
  useEffect(() => setReady(true), [])

  const cancel = (id: string) => {
    mine.current = null
    cancelPending(id)
    onCancelled?.()
    void refresh(cache) // it may have ended because something changed elsewhere
  }
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a pending that left the URL counts
  useEffect(() => {
    if (!pending) given.current = null
    if (!pending && mine.current) cancel(mine.current) // closed by browser back
  }, [pending])

  const open = (step: Step) => {
    const replace = mine.current !== null // a second begin stands in the place of the first
    mine.current = step.id
    cache.setQueryData(pendingQuery(step.id).queryKey, step)
    void navigate({ to: '.', search: (old) => ({ ...old, pending: step.id }), replace })
  }
  /** Takes the pop-up out of the URL: one step back, or in place where it was linked and there is no step. */
  const leave = async (opened: boolean) => {
    if (!opened) return navigate({ to: '.', search: (old) => ({ ...old, pending: undefined }), replace: true })
    const left = new Promise<void>((resolve) => {
      const stop = router.history.subscribe(() => {
        stop()
        resolve()
      })
    })
    router.history.back()
    await left
  }
  const dialog =
    pending && ready ? (
      <StepUpDialog
        pendingId={pending}
        operations={operations}
        onConfirmed={async (outcome) => {
          const opened = mine.current !== null
          mine.current = null
          await leave(opened)
          void refresh(cache)
          onConfirmed(outcome)
        }}
        onCancel={() => {
          if (given.current === pending) return
          given.current = pending
          const opened = mine.current !== null
          cancel(pending)
          void leave(opened)
        }}
        onAgain={onAgain}
      />
    ) : null
  return { open, dialog }
}
