import { Button, Stack } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { toProblem } from '@/api/problem'
import { factorsQuery } from '@/api/queries'
import { Ready } from '@/api/Ready'
import type { Factor } from '@/api/types'
import { useStepUp } from '@/features/stepup/useStepUp'
import { useClose } from '@/lib/useClose'
import { Buttons } from '@/ui/Buttons'
import { Dialog } from '@/ui/Dialog'
import { notify } from '@/ui/Notes'
import { Notice } from '@/ui/Notice'
import { FactorFacts } from './FactorFacts'
import { Form } from './Form'
import { PasswordField, Trouble } from './PasswordField'
import { beginRemoval } from './queries'

/** Removes a second factor, guarded: the password, then a proof. The last one stays. */
export function RemoveFactorDialog() {
  const { t } = useTranslation('security')
  const close = useClose('/settings/security')
  const { factorId } = useParams({ from: '/app/settings/security/factors/$factorId/remove' })
  const factors = useQuery(factorsQuery)
  const [password, setPassword] = useState('')
  const begin = useMutation({
    mutationFn: () => beginRemoval(factorId, password),
    onSuccess: (step) => proof.open(step),
  })
  const proof = useStepUp({
    operations: ['remove_factor'],
    onConfirmed: () => {
      notify(t('removal.done'))
      close()
    },
    onAgain: () => begin.mutate(),
  })
  const trouble = begin.isError ? toProblem(begin.error) : null
  return (
    <>
      <Dialog title={t('removal.title')} onClose={close} width={460} small>
        <Ready query={factors}>
          {({ items }) => {
            const factor = items.find((f) => f.id === factorId)
            if (!factor) return <Stays text={t('removal.gone')} onClose={close} />
            if (items.length === 1) return <Stays of={factor} text={t('removal.only')} onClose={close} />
            return (
              <Form
                busy={begin.isPending}
                ready={password !== ''}
                act={t('removal.remove')}
                danger
                onSubmit={() => begin.mutate()}
                onCancel={close}
              >
                <FactorFacts of={factor} />
                <p>{t('removal.lead')}</p>
                <Trouble of={trouble} />
                <PasswordField value={password} onChange={setPassword} trouble={trouble} first />
              </Form>
            )
          }}
        </Ready>
      </Dialog>
      {proof.dialog}
    </>
  )
}

/** Why there is nothing to remove. */
function Stays({ of, text, onClose }: { of?: Factor; text: string; onClose: () => void }) {
  const { t } = useTranslation('security')
  return (
    <Stack gap="md">
      {of && <FactorFacts of={of} />}
      <Notice kind="info">{text}</Notice>
      <Buttons>
        <Button variant="default" onClick={onClose}>
          {t('close')}
        </Button>
      </Buttons>
    </Stack>
  )
}
