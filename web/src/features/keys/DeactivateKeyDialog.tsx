import { Button, Stack } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import { refresh } from '@/api/queries'
import type { Key } from '@/api/types'
import { WaitNote } from '@/api/WaitNote'
import { Buttons } from '@/ui/Buttons'
import { Dialog } from '@/ui/Dialog'
import { Notice } from '@/ui/Notice'
import { KeyFacts } from './KeyParts'
import { deactivate } from './queries'
import { ReceiptNote } from './ReceiptNote'
import { WithKey } from './WithKey'

/** Settings > API Keys Management > Deactivate: at once, without a code. */
export function DeactivateKeyDialog() {
  const { t } = useTranslation('keys')
  return <WithKey title={t('deactivate')}>{(key, close) => <Ask key={key.id} of={key} onClose={close} />}</WithKey>
}

function Ask({ of, onClose }: { of: Key; onClose: () => void }) {
  const { t } = useTranslation('keys')
  const explain = useExplain()
  const cache = useQueryClient()
  const stop = useMutation({ mutationFn: () => deactivate(of), onSuccess: () => void refresh(cache) })
  if (stop.data) {
    const foot = (
      <Buttons>
        <Button onClick={onClose}>{t('done')}</Button>
      </Buttons>
    )
    return (
      <Dialog title={t('deactivated.title')} onClose={onClose} width={520} small foot={foot}>
        <Stack gap="md">
          <p role="status">{t('deactivated.text', { name: of.name })}</p>
          <ReceiptNote of={stop.data.receipt} />
        </Stack>
      </Dialog>
    )
  }
  const inactive = of.status === 'inactive'
  const foot = (
    <Buttons>
      <Button variant="default" onClick={onClose}>
        {t(inactive ? 'close' : 'cancel')}
      </Button>
      {!inactive && (
        <Button onClick={() => stop.mutate()} loading={stop.isPending}>
          {t('deactivate')}
        </Button>
      )}
    </Buttons>
  )
  return (
    <Dialog title={t('deactivateTitle', { name: of.name })} onClose={onClose} width={520} small foot={foot}>
      <Stack gap="md">
        <p>{t(inactive ? 'inactiveAlready' : 'deactivateText')}</p>
        <KeyFacts of={of} />
        <WaitNote busy={stop.isPending} />
        {stop.isError && <Notice kind="bad">{explain(stop.error).text}</Notice>}
      </Stack>
    </Dialog>
  )
}
