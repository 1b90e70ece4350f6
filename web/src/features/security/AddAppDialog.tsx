import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Step } from '@/api/types'
import { Panel } from '@/features/stepup/Panel'
import { useClose } from '@/lib/useClose'
import { Dialog } from '@/ui/Dialog'
import { Notice } from '@/ui/Notice'
import { Form } from './Form'
import { PasswordField, Trouble } from './PasswordField'
import { CodesDialog } from './RecoveryCodes'
import { Seed } from './Seed'
import { type EnrolmentActs, useEnrolment } from './useEnrolment'

/** Adds an authenticator app: password, what proves it is you, QR, its first code. */
export function AddAppDialog() {
  const { t } = useTranslation('security')
  const close = useClose('/settings/security')
  const [password, setPassword] = useState('')
  const acts = useEnrolment({ wanted: { kind: 'totp' }, password, done: t('app.done'), close })
  const { state } = acts
  if (state.name === 'codes') return <CodesDialog codes={state.codes} onSaved={acts.saved} />
  return (
    <>
      <Dialog title={t('app.title')} onClose={close} width={480} small>
        {/* Only when the pop-up above has gone can the field of this one take the focus. */}
        {state.name === 'validating' && !acts.dialog ? (
          <Validate step={state.step} acts={acts} />
        ) : (
          <Form
            busy={state.name !== 'asking'}
            ready={password !== ''}
            act={t('continue')}
            onSubmit={() => void acts.submit()}
            onCancel={close}
          >
            <p>{t('app.lead')}</p>
            <Trouble of={state.name === 'asking' ? state.trouble : null} />
            <PasswordField
              value={password}
              onChange={setPassword}
              trouble={state.name === 'asking' ? state.trouble : null}
              first
            />
          </Form>
        )}
      </Dialog>
      {acts.dialog}
    </>
  )
}

function Validate({ step, acts }: { step: Step; acts: EnrolmentActs }) {
  const { t } = useTranslation('security')
  return (
    <>
      {step.enrolment ? <Seed of={step.enrolment} /> : <Notice kind="warn">{t('lostSeed')}</Notice>}
      <Panel
        key={step.id}
        step={step}
        email={undefined}
        onConfirmed={acts.confirmed}
        onCancel={acts.back}
        onAgain={() => void acts.submit()}
      />
    </>
  )
}
