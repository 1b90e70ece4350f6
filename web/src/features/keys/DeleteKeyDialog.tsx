import { Button, Stack } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import type { Key, Outcome } from '@/api/types'
import { useStepUp } from '@/features/stepup/useStepUp'
import { Buttons } from '@/ui/Buttons'
import { Dialog } from '@/ui/Dialog'
import { TextLink } from '@/ui/LinkButton'
import { Notice } from '@/ui/Notice'
import { KeyFacts } from './KeyParts'
import { beginDelete, keysQuery } from './queries'
import { ReceiptNote } from './ReceiptNote'
import { WithKey } from './WithKey'

/** Settings > API Keys Management > Delete: final, by a second factor. */
export function DeleteKeyDialog() {
  const { t } = useTranslation('keys')
  return <WithKey title={t('delete')}>{(key, close) => <Ask key={key.id} of={key} onClose={close} />}</WithKey>
}

function Ask({ of, onClose }: { of: Key; onClose: () => void }) {
  const { t } = useTranslation('keys')
  const explain = useExplain()
  const [done, setDone] = useState<Outcome | null>(null)
  const begin = useMutation({ mutationFn: () => beginDelete(of), onSuccess: (step) => proof.open(step) })
  const cache = useQueryClient()
  const deleted = (outcome: Outcome) => {
    // Its row goes now and not with the next reading, which may come when the focus has returned to it.
    cache.setQueryData(keysQuery.queryKey, (old) => old && { ...old, items: old.items.filter((k) => k.id !== of.id) })
    setDone(outcome)
  }
  const proof = useStepUp({ operations: ['delete'], onConfirmed: deleted, onAgain: () => begin.mutate() })
  if (done) return <Deleted of={of} outcome={done} onClose={onClose} />
  const foot = (
    <Buttons>
      <Button variant="default" onClick={onClose}>
        {t('cancel')}
      </Button>
      <Button color="red" onClick={() => begin.mutate()} loading={begin.isPending}>
        {t('delete')}
      </Button>
    </Buttons>
  )
  return (
    <Dialog title={t('deleteTitle', { name: of.name })} onClose={onClose} width={520} small foot={foot}>
      <Stack gap="md">
        <Notice kind="warn" title={t('deleteFinal')}>
          {t('deleteText')}
        </Notice>
        <KeyFacts of={of} />
        {of.status === 'active' && (
          <p>
            {t('stopInstead')}{' '}
            <TextLink
              inherit
              to="/settings/api-keys/$keyId/deactivate"
              params={{ keyId: of.id }}
              state={{ over: true }}
              replace
            >
              {t('stopInsteadLink')}
            </TextLink>
          </p>
        )}
        {begin.isError && <Notice kind="bad">{explain(begin.error).text}</Notice>}
      </Stack>
      {proof.dialog}
    </Dialog>
  )
}

function Deleted({ of, outcome, onClose }: { of: Key; outcome: Outcome; onClose: () => void }) {
  const { t } = useTranslation('keys')
  const foot = (
    <Buttons>
      <Button onClick={onClose}>{t('done')}</Button>
    </Buttons>
  )
  return (
    <Dialog title={t('deleted.title')} onClose={onClose} width={520} small foot={foot}>
      <Stack gap="md">
        <p role="status">{t('deleted.text', { name: of.name })}</p>
        <ReceiptNote of={outcome.receipt} />
      </Stack>
    </Dialog>
  )
}
