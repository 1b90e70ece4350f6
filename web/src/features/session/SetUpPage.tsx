import { Button, Stack, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link, useLocation } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, client } from '@/api/client'
import { useExplain } from '@/api/explain'
import { type ProblemError, toProblem } from '@/api/problem'
import { Notice } from '@/ui/Notice'
import { Door } from './Door'
import { NewPassword } from './NewPassword'
import { tokenOf } from './token'

type Given = { account: string; email: string; password: string }

/** The first start: makes the first account and its owner by a link that works once. */
export function SetUpPage() {
  const token = useLocation({ select: (l) => tokenOf(l.hash) })
  return <SetUp key={token} token={token} />
}

function SetUp({ token }: { token: string }) {
  const { t } = useTranslation('session')
  const [given, setGiven] = useState<Given>({ account: '', email: '', password: '' })
  const make = useMutation({ mutationFn: () => answer(client.POST('/v1/setup', { body: { token, ...given } })) })
  const problem = make.isError ? toProblem(make.error) : null
  const over = whyNot(token, problem)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!make.isPending) make.mutate()
  }
  return (
    <Door title={t('setUp.title')}>
      {make.isSuccess ? (
        <Stack gap="md">
          <Notice kind="good" live title={t('setUp.doneTitle')}>
            {t('setUp.doneText')}
          </Notice>
          {/* In the place of this page, so that the token leaves the history. */}
          <Button component={Link} to="/sign-in" replace>
            {t('toSignIn')}
          </Button>
        </Stack>
      ) : over ? (
        <Stack gap="md">
          <Notice kind="bad">{t(`setUp.${over}`)}</Notice>
          <Button component={Link} to="/sign-in" replace variant="default">
            {t('toSignIn')}
          </Button>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Fields given={given} problem={problem} busy={make.isPending} onChange={setGiven} />
        </form>
      )}
    </Door>
  )
}

function whyNot(token: string, problem: ProblemError | null): 'noToken' | 'invalid' | 'already' | null {
  if (!token) return 'noToken'
  if (problem?.code === 'invalid_link') return 'invalid'
  return problem?.code === 'already_set_up' ? 'already' : null
}

type Props = { given: Given; problem: ProblemError | null; busy: boolean; onChange: (given: Given) => void }

function Fields({ given, problem, busy, onChange }: Props) {
  const { t } = useTranslation('session')
  const explain = useExplain()
  const field = (name: keyof Given) => (problem?.field === name ? explain(problem).text : undefined)
  const named = problem?.field !== undefined && problem.field in given
  return (
    <Stack gap="md">
      <p>{t('setUp.lead')}</p>
      {problem && !named && <Notice kind="bad">{explain(problem).text}</Notice>}
      <TextInput
        label={t('setUp.account')}
        description={t('setUp.accountHint')}
        name="organization"
        autoComplete="organization"
        maxLength={64}
        value={given.account}
        onChange={(event) => onChange({ ...given, account: event.currentTarget.value })}
        error={field('account')}
        required
        withAsterisk={false}
      />
      <TextInput
        label={t('setUp.email')}
        description={t('setUp.emailHint')}
        type="email"
        name="email"
        autoComplete="username"
        value={given.email}
        onChange={(event) => onChange({ ...given, email: event.currentTarget.value })}
        error={field('email')}
        required
        withAsterisk={false}
      />
      <NewPassword
        label={t('setUp.password')}
        value={given.password}
        onChange={(password) => onChange({ ...given, password })}
        error={field('password')}
      />
      <Button type="submit" size="md" loading={busy} disabled={Object.values(given).some((text) => text.trim() === '')}>
        {t('setUp.make')}
      </Button>
    </Stack>
  )
}
