import { Button, PasswordInput, Stack, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { type FormEvent, type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, client } from '@/api/client'
import { useExplain } from '@/api/explain'
import type { Step } from '@/api/types'
import { Panel } from '@/features/stepup/Panel'
import { Notice } from '@/ui/Notice'

type Props = {
  /** Who must sign in, when the session of a known member ended; else it is asked. */
  email?: string
  onDone: () => void
  /** What stands below the password. */
  under?: ReactNode
}

/** Password, then the second factor where the member has one. */
export function SignInForm({ email, onDone, under }: Props) {
  const { t } = useTranslation('session')
  const explain = useExplain()
  const [given, setGiven] = useState({ email: email ?? '', password: '' })
  const [pending, setPending] = useState<Step | null>(null)
  const signIn = useMutation({
    mutationFn: () => answer(client.POST('/v1/session', { body: given })),
    onSuccess: (made) => {
      setGiven({ ...given, password: '' }) // not needed any more, so not kept
      if (made.pending) setPending(made.pending)
      else onDone()
    },
  })
  if (pending) {
    // The code's pending belongs to this half-open session; going back begins another one.
    return (
      <Panel
        key={pending.id}
        step={pending}
        email={given.email}
        onConfirmed={onDone}
        onCancel={() => setPending(null)}
      />
    )
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!signIn.isPending) signIn.mutate()
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        {signIn.isError && <Notice kind="bad">{explain(signIn.error).text}</Notice>}
        <TextInput
          label={t('email')}
          type="email"
          name="email"
          autoComplete="username"
          value={given.email}
          readOnly={email !== undefined}
          onChange={(event) => setGiven({ ...given, email: event.currentTarget.value })}
          required
          withAsterisk={false}
          {...(email === undefined ? { 'data-autofocus': '' } : {})}
        />
        <PasswordInput
          label={t('password')}
          name="password"
          autoComplete="current-password"
          value={given.password}
          onChange={(event) => setGiven({ ...given, password: event.currentTarget.value })}
          visibilityToggleButtonProps={{ 'aria-label': t('showPassword') }}
          required
          withAsterisk={false}
          {...(email !== undefined ? { 'data-autofocus': '' } : {})}
        />
        <Button
          type="submit"
          size="md"
          loading={signIn.isPending}
          disabled={given.email === '' || given.password === ''}
        >
          {t('signIn')}
        </Button>
        {under}
      </Stack>
    </form>
  )
}
