import { TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import { Panel } from '@/features/stepup/Panel'
import { useClose } from '@/lib/useClose'
import { Dialog } from '@/ui/Dialog'
import { Form } from './Form'
import { PasswordField, Trouble } from './PasswordField'
import { CodesDialog } from './RecoveryCodes'
import { useBrowserName } from './useBrowserName'
import { useEnrolment } from './useEnrolment'

/** Adds a passkey: a name and the password, what proves it is you, then the browser creates it. */
export function AddPasskeyDialog() {
  const { t } = useTranslation('security')
  const explain = useExplain()
  const close = useClose('/settings/security')
  const [password, setPassword] = useState('')
  const [label, setLabel] = useState(useBrowserName(navigator.userAgent))
  const acts = useEnrolment({ wanted: { kind: 'passkey', label }, password, done: t('passkey.done'), close })
  const { state } = acts
  const trouble = state.name === 'asking' ? state.trouble : null
  const wrong = trouble?.field === 'label' ? trouble : null
  if (state.name === 'codes') return <CodesDialog codes={state.codes} onSaved={acts.saved} />
  return (
    <>
      <Dialog title={t('passkey.title')} onClose={close} width={480} small>
        {/* Only when the pop-up above has gone can the button of this one take the focus. */}
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
            ready={password !== '' && label.trim() !== ''}
            act={t('continue')}
            onSubmit={() => void acts.submit()}
            onCancel={close}
          >
            <p>{t('passkey.lead')}</p>
            <Trouble of={wrong ? null : trouble} />
            <TextInput
              label={t('passkey.name')}
              description={t('passkey.hint')}
              name="passkey-name"
              autoComplete="off"
              maxLength={64}
              value={label}
              onChange={(event) => setLabel(event.currentTarget.value)}
              error={wrong ? explain(wrong).text : undefined}
              required
              withAsterisk={false}
            />
            <PasswordField value={password} onChange={setPassword} trouble={trouble} first />
          </Form>
        )}
      </Dialog>
      {acts.dialog}
    </>
  )
}
