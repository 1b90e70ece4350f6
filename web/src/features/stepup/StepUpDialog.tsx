import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { pendingQuery, sessionQuery } from '@/api/queries'
import { Ready } from '@/api/Ready'
import type { Operation, Outcome, Step } from '@/api/types'
import { Dialog } from '@/ui/Dialog'
import { Panel } from './Panel'

type Props = {
  pendingId: string
  operations: Operation[]
  onConfirmed: (outcome: Outcome) => void
  onCancel: () => void
  onAgain?: (() => void) | undefined
}

/** The pop-up of every operation that needs a proof: two-factor authentication or a code by e-mail. */
export function StepUpDialog({ pendingId, operations, onConfirmed, onCancel, onAgain }: Props) {
  const { t } = useTranslation('stepup')
  const query = useQuery(pendingQuery(pendingId))
  const email = useQuery(sessionQuery).data?.member.email
  const proof: Step['proof'] = query.data?.proof ?? 'second_factor'
  if (query.data && !operations.includes(query.data.operation)) return null
  return (
    <Dialog title={t(`title.${proof}`)} onClose={onCancel} width={440} level={2} small>
      <Ready query={query}>
        {(step) => (
          <Panel
            key={step.id}
            step={step}
            email={email}
            onConfirmed={onConfirmed}
            onCancel={onCancel}
            onAgain={onAgain}
          />
        )}
      </Ready>
    </Dialog>
  )
}
