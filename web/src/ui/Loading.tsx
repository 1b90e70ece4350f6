import { Skeleton, Stack, VisuallyHidden } from '@mantine/core'
import { useTranslation } from 'react-i18next'

/** Grey lines in the place of what is being read. */
export function Loading({ lines = 3, height = 20 }: { lines?: number; height?: number }) {
  const { t } = useTranslation('ui')
  return (
    <Stack gap="sm" role="status" py="xs">
      <VisuallyHidden>{t('loading')}</VisuallyHidden>
      {Array.from({ length: lines }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the lines are all alike
        <Skeleton key={i} height={height} width={`${100 - (i % 3) * 12}%`} />
      ))}
    </Stack>
  )
}
