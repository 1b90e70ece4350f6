import { Button, Stack } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Outcome } from '@/api/types'
import { Buttons } from '@/ui/Buttons'
import { Dialog } from '@/ui/Dialog'
import { KeyFacts } from './KeyParts'
import { ReceiptNote } from './ReceiptNote'

/** The key works from now on. */
export function ActivatedDialog({ of, onClose }: { of: Outcome; onClose: () => void }) {
  const { t } = useTranslation('keys')
  const foot = (
    <Buttons>
      <Button onClick={onClose}>{t('done')}</Button>
    </Buttons>
  )
  return (
    <Dialog title={t('activated.title')} onClose={onClose} width={520} small foot={foot}>
      <Stack gap="md">
        <p role="status">{t('activated.text', { name: of.key?.name })}</p>
        {of.key && <KeyFacts of={of.key} />}
        <ReceiptNote of={of.receipt} />
      </Stack>
    </Dialog>
  )
}
