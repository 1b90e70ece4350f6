import { Anchor, Stack, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { openGate, sessionLost } from '@/api/gate'
import { refresh, sessionQuery } from '@/api/queries'
import { useSignal } from '@/lib/signal'
import { Dialog } from '@/ui/Dialog'
import { SignInForm } from './SignInForm'

/**
 * Over everything else when the session has ended: the same member signs in
 * again, and what was open below goes on as it was, the request included that
 * met the end of the session.
 */
export function SessionLost() {
  const { t } = useTranslation('session')
  const cache = useQueryClient()
  const email = useQuery(sessionQuery).data?.member.email
  if (!useSignal(sessionLost) || !email) return null
  const done = () => {
    openGate()
    void refresh(cache)
  }
  return (
    <Dialog title={t('lostTitle')} width={440} level={2} small>
      <Stack gap="md">
        <p>{t('lostText')}</p>
        <SignInForm email={email} onDone={done} />
        <Text size="sm">
          {/* A whole page load: nothing of the former member stays in memory. */}
          <Anchor href="/sign-in">{t('other')}</Anchor>
        </Text>
      </Stack>
    </Dialog>
  )
}
