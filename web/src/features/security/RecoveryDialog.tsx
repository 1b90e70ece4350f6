import { useMutation } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { toProblem } from '@/api/problem'
import { useStepUp } from '@/features/stepup/useStepUp'
import { randomText } from '@/lib/random'
import { useClose } from '@/lib/useClose'
import { Dialog } from '@/ui/Dialog'
import { Form } from './Form'
import { PasswordField, Trouble } from './PasswordField'
import { beginRenewal } from './queries'
import { CodesDialog } from './RecoveryCodes'

/** Makes new recovery codes: password, proof, and the codes, once. */
export function RecoveryDialog() {
  const { t } = useTranslation('security')
  const close = useClose('/settings/security')
  const [password, setPassword] = useState('')
  const [codes, setCodes] = useState<string[] | null>(null)
  const once = useRef(randomText())
  const begin = useMutation({
    mutationFn: () => beginRenewal(password, once.current),
    onSuccess: (step) => {
      once.current = randomText()
      proof.open(step)
    },
  })
  const proof = useStepUp({
    operations: ['recovery_renewal'],
    onConfirmed: (outcome) => setCodes(outcome.recoveryCodes ?? []),
    onAgain: () => begin.mutate(),
  })
  if (codes && !proof.dialog) return <CodesDialog codes={codes} onSaved={close} />
  const trouble = begin.isError ? toProblem(begin.error) : null
  return (
    <>
      <Dialog title={t('recovery.dialog')} onClose={close} width={440} small>
        <Form
          busy={begin.isPending}
          ready={password !== ''}
          act={t('continue')}
          onSubmit={() => begin.mutate()}
          onCancel={close}
        >
          <p>{t('recovery.dialogLead')}</p>
          <Trouble of={trouble} />
          <PasswordField value={password} onChange={setPassword} trouble={trouble} first />
        </Form>
      </Dialog>
      {proof.dialog}
    </>
  )
}
