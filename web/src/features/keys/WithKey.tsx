import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Ready } from '@/api/Ready'
import type { Key } from '@/api/types'
import { useClose } from '@/lib/useClose'
import { Buttons } from '@/ui/Buttons'
import { Dialog } from '@/ui/Dialog'
import { keysQuery } from './queries'

type Props = { title: string; children: (key: Key, close: () => void) => ReactNode }

/**
 * The key that the address of a pop-up names. What was found once stays: a
 * pop-up that has just deleted its key still says so.
 */
export function WithKey({ title, children }: Props) {
  const { t } = useTranslation('keys')
  const { keyId } = useParams({ strict: false })
  const close = useClose('/settings/api-keys')
  const keys = useQuery(keysQuery)
  const [seen, setSeen] = useState<Key | null>(null)
  const key = keys.data?.items.find((k) => k.id === keyId) ?? seen
  if (key && key !== seen) setSeen(key)
  if (key) return children(key, close)
  return (
    <Dialog
      title={keys.data ? t('noSuchKey.title') : title}
      onClose={close}
      small
      width={440}
      foot={
        <Buttons>
          <Button onClick={close}>{t('close')}</Button>
        </Buttons>
      }
    >
      <Ready query={keys}>{() => <p>{t('noSuchKey.text')}</p>}</Ready>
    </Dialog>
  )
}
