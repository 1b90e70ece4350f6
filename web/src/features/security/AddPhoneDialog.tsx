import { TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Panel } from '@/features/stepup/Panel'
import { useClose } from '@/lib/useClose'
import { Dialog } from '@/ui/Dialog'
import { Form } from './Form'
import { PasswordField, Trouble } from './PasswordField'
import { normalPhone } from './phone'
import { CodesDialog } from './RecoveryCodes'
import { useEnrolment } from './useEnrolment'

/** Adds a phone: number and password, what proves it is you, then the code that was sent to the number. */
export function AddPhoneDialog() {
  const { t } = useTranslation('security')
  const close = useClose('/settings/security')
  const [password, setPassword] = useState('')
  const [phone, setPhone] = useState('')
  const [left, setLeft] = useState(false) // the field; while it is typed a number is not wrong yet
  const acts = useEnrolment({ wanted: { kind: 'sms', phone }, password, done: t('phone.done'), close })
  const { state } = acts
  const trouble = state.name === 'asking' ? state.trouble : null
  const wrong = trouble?.code === 'invalid_phone' || (left && phone !== '' && !normalPhone(phone))
  if (state.name === 'codes') return <CodesDialog codes={state.codes} onSaved={acts.saved} />
  return (
    <>
      <Dialog title={t('phone.title')} onClose={close} width={480} small>
        {/* Only when the pop-up above has gone can the field of this one take the focus. */}
        {state.name === 'validating' && !acts.dialog ? (
          <Panel
            key={state.step.id}
            step={state.step}
            email={undefined}
            onConfirmed={acts.confirmed}
            onCancel={acts.back}
            onAgain={() => void acts.submit()}
          />
        ) : (
          <Form
            busy={state.name !== 'asking'}
            ready={password !== '' && normalPhone(phone) !== null}
            act={t('continue')}
            onSubmit={() => void acts.submit()}
            onCancel={close}
          >
            <p>{t('phone.lead')}</p>
            <Trouble of={trouble?.code === 'invalid_phone' ? null : trouble} />
            <TextInput
              label={t('phone.number')}
              description={t('phone.hint')}
              type="tel"
              name="tel"
              autoComplete="tel"
              inputMode="tel"
              maxLength={40}
              value={phone}
              onChange={(event) => setPhone(event.currentTarget.value)}
              onBlur={() => setLeft(true)}
              error={wrong ? t('phone.invalid') : undefined}
              required
              withAsterisk={false}
              data-autofocus=""
            />
            <PasswordField value={password} onChange={setPassword} trouble={trouble} />
          </Form>
        )}
      </Dialog>
      {acts.dialog}
    </>
  )
}
