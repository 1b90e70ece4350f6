import { Button, Group } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import { refresh } from '@/api/queries'
import type { Key } from '@/api/types'
import { Notice } from '@/ui/Notice'
import type { Edit } from './edit'
import { readKey } from './queries'

type Props = {
  state: Edit
  /** The key as the list knows it now. */
  newest: Key
  onRenew: (key: Key, keep: boolean) => void
}

/**
 * Another tab, another member or the operator was quicker. Nothing of this
 * form was saved; it goes on from the key as it is now, with or without what
 * was entered here.
 */
export function ChangedNotice({ state, newest, onRenew }: Props) {
  const { t } = useTranslation('keys')
  const explain = useExplain()
  const cache = useQueryClient()
  const read = useMutation({
    mutationFn: (_keep: boolean) => readKey(state.base.id),
    onSuccess: (key, keep) => {
      onRenew(key, keep)
      void refresh(cache)
    },
  })
  const behind = newest.version > state.base.version
  if (state.name === 'gone') return <Notice kind="bad">{t('changed.gone')}</Notice>
  if (state.name !== 'changed' && !behind) return null
  return (
    <Notice
      kind="warn"
      live
      title={t('changed.title')}
      actions={
        <Group gap="xs">
          <Button size="xs" loading={read.isPending} onClick={() => read.mutate(true)}>
            {t('changed.keep')}
          </Button>
          <Button size="xs" variant="default" disabled={read.isPending} onClick={() => read.mutate(false)}>
            {t('changed.reload')}
          </Button>
        </Group>
      }
    >
      {t('changed.text')}
      {read.isError && ` ${explain(read.error).text}`}
    </Notice>
  )
}
