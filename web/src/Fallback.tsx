import { Loader } from '@mantine/core'
import { IconCompass } from '@tabler/icons-react'
import type { ErrorComponentProps } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import { ProblemError } from '@/api/problem'
import { Empty } from '@/ui/Empty'
import { Failed } from '@/ui/Failed'
import { LinkButton } from '@/ui/LinkButton'
import { Page } from '@/ui/Page'

/** An address that is none of ours, or none of this member's. */
export function Missing() {
  const { t } = useTranslation('shell')
  return (
    <Page title={t('missingTitle')}>
      <Empty icon={<IconCompass />} title={t('missingText')} action={<LinkButton to="/">{t('toStart')}</LinkButton>} />
    </Page>
  )
}

/** The first question to the server failed, or a view threw. */
export function Broken({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation('shell')
  const explain = useExplain()
  const known = error instanceof ProblemError ? explain(error) : null
  return (
    <Page title={t('brokenTitle')}>
      <Failed
        text={known?.text ?? t('brokenText')}
        requestId={known?.requestId}
        onRetry={known ? reset : () => location.reload()}
      />
    </Page>
  )
}

export function Waiting() {
  const { t } = useTranslation('ui')
  return (
    <div role="status" aria-label={t('loading')} style={{ display: 'grid', placeItems: 'center', minHeight: '40vh' }}>
      <Loader size="sm" />
    </div>
  )
}
