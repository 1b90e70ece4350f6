import { PasswordInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import { toProblem } from '@/api/problem'
import { refresh, sessionQuery } from '@/api/queries'
import { useClose } from '@/lib/useClose'
import { Dialog } from '@/ui/Dialog'
import { notify } from '@/ui/Notes'
import { Form } from './Form'
import { PasswordField, Trouble } from './PasswordField'
import { changePassword } from './queries'

/** Changes the password; all other sessions end by it. */
export function PasswordDialog() {
  const { t } = useTranslation('security')
  const close = useClose('/settings/security')
  const cache = useQueryClient()
  const explain = useExplain()
  const email = useQuery(sessionQuery).data?.member.email ?? ''
  const [given, setGiven] = useState({ password: '', newPassword: '' })
  const change = useMutation({
    mutationFn: () => changePassword(given),
    onSuccess: () => {
      notify(t('password.done'))
      void refresh(cache)
      close()
    },
  })
  const trouble = change.isError ? toProblem(change.error) : null
  const refused = trouble?.field === 'newPassword' ? explain(trouble).text : undefined
  return (
    <Dialog title={t('password.change')} onClose={close} width={440} small>
      <Form
        busy={change.isPending}
        ready={given.password !== '' && given.newPassword !== ''}
        act={t('password.change')}
        onSubmit={() => change.mutate()}
        onCancel={close}
      >
        <Trouble of={refused ? null : trouble} />
        {/* For password managers: whose password this is. */}
        <input type="text" name="username" autoComplete="username" value={email} readOnly hidden />
        <PasswordField
          value={given.password}
          onChange={(password) => setGiven({ ...given, password })}
          trouble={trouble}
          first
        />
        <PasswordInput
          label={t('password.new')}
          description={t('password.hint')}
          name="new-password"
          autoComplete="new-password"
          value={given.newPassword}
          onChange={(event) => setGiven({ ...given, newPassword: event.currentTarget.value })}
          error={refused}
          visibilityToggleButtonProps={{ 'aria-label': t('password.show') }}
          required
          withAsterisk={false}
        />
      </Form>
    </Dialog>
  )
}
