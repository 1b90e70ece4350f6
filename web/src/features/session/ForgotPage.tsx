import { Anchor, Button, Stack, Text, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, client } from '@/api/client'
import { useExplain } from '@/api/explain'
import { toProblem } from '@/api/problem'
import { Notice } from '@/ui/Notice'
import { Door } from './Door'

/** Asks for a link by mail. The answer is the same for every address, so it says "if". */
export function ForgotPage() {
  const { t } = useTranslation('session')
  const explain = useExplain()
  const [email, setEmail] = useState('')
  const ask = useMutation({
    mutationFn: () => answer(client.POST('/v1/password/forgot', { body: { email: email.trim() } })),
  })
  const problem = ask.isError ? toProblem(ask.error) : null
  const wrong = problem?.field === 'email' ? explain(problem).text : undefined
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!ask.isPending) ask.mutate()
  }
  return (
    <Door title={t('forgot.title')}>
      {ask.isSuccess ? (
        <Stack gap="md">
          <Notice kind="good" live title={t('forgot.sentTitle')}>
            {t('forgot.sentText', { email: email.trim() })}
          </Notice>
          <Button variant="default" onClick={() => ask.reset()}>
            {t('forgot.again')}
          </Button>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack gap="md">
            <p>{t('forgot.lead')}</p>
            {problem && !wrong && <Notice kind="bad">{explain(problem).text}</Notice>}
            <TextInput
              label={t('email')}
              type="email"
              name="email"
              autoComplete="username"
              value={email}
              onChange={(event) => setEmail(event.currentTarget.value)}
              error={wrong}
              required
              withAsterisk={false}
            />
            <Button type="submit" size="md" loading={ask.isPending} disabled={email.trim() === ''}>
              {t('forgot.send')}
            </Button>
          </Stack>
        </form>
      )}
      <Text size="sm" mt="md">
        <Anchor component={Link} to="/sign-in">
          {t('toSignIn')}
        </Anchor>
      </Text>
    </Door>
  )
}
