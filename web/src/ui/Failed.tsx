import { Button, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Notice } from '@/ui/Notice'

type Props = { text: string; requestId?: string | undefined; busy?: boolean; onRetry?: () => void }

/** What went wrong, the number to name to the operator, and another try. */
export function Failed({ text, requestId, busy = false, onRetry }: Props) {
  const { t } = useTranslation('ui')
  const retry = onRetry && (
    <Button variant="default" size="xs" loading={busy} onClick={onRetry}>
      {t('retry')}
    </Button>
  )
  return (
    <Notice kind="bad" actions={retry}>
      {text}
      {requestId && (
        <Text size="xs" c="dimmed" mt={4}>
          {t('requestId', { id: requestId })}
        </Text>
      )}
    </Notice>
  )
}
