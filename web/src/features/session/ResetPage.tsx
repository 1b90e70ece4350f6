import { Button, Stack } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Link, useLocation } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, client } from '@/api/client'
import { useExplain } from '@/api/explain'
import { toProblem } from '@/api/problem'
import { sessionQuery } from '@/api/queries'
import { Notice } from '@/ui/Notice'
import { Door } from './Door'
import { NewPassword } from './NewPassword'
import { tokenOf } from './token'

/** Sets a new password by the link of a mail. Another link in the same tab begins anew. */
export function ResetPage() {
  const token = useLocation({ select: (l) => tokenOf(l.hash) })
  return <Reset key={token} token={token} />
}

function Reset({ token }: { token: string }) {
  const { t } = useTranslation('session')
  const [password, setPassword] = useState('')
  const cache = useQueryClient()
  const reset = useMutation({
    mutationFn: () => answer(client.POST('/v1/password/reset', { body: { token, password } })),
    onSuccess: () => cache.removeQueries({ queryKey: sessionQuery.queryKey }), // it has ended
  })
  const problem = reset.isError ? toProblem(reset.error) : null
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!reset.isPending) reset.mutate()
  }
  return (
    <Door title={t('reset.title')}>
      {reset.isSuccess ? (
        <Stack gap="md">
          <Notice kind="good" live title={t('reset.doneTitle')}>
            {t('reset.doneText')}
          </Notice>
          {/* In the place of this page, so that the token leaves the history. */}
          <Button component={Link} to="/sign-in" replace>
            {t('toSignIn')}
          </Button>
        </Stack>
      ) : !token || problem?.code === 'invalid_link' ? (
        <Stack gap="md">
          <Notice kind="bad">{t(token ? 'reset.invalid' : 'reset.noToken')}</Notice>
          <Button component={Link} to="/forgot" replace>
            {t('reset.another')}
          </Button>
        </Stack>
      ) : (
        <Form problem={problem} password={password} busy={reset.isPending} onType={setPassword} onSubmit={submit} />
      )}
    </Door>
  )
}

type FormProps = {
  problem: ReturnType<typeof toProblem> | null
  password: string
  busy: boolean
  onType: (text: string) => void
  onSubmit: (event: FormEvent) => void
}

function Form({ problem, password, busy, onType, onSubmit }: FormProps) {
  const { t } = useTranslation('session')
  const explain = useExplain()
  const wrong = problem?.field === 'password' ? explain(problem).text : undefined
  return (
    <form onSubmit={onSubmit}>
      <Stack gap="md">
        <p>{t('reset.lead')}</p>
        {problem && !wrong && <Notice kind="bad">{explain(problem).text}</Notice>}
        <NewPassword label={t('newPassword.label')} value={password} onChange={onType} error={wrong} />
        <Button type="submit" size="md" loading={busy} disabled={password === ''}>
          {t('reset.save')}
        </Button>
      </Stack>
    </form>
  )
}
