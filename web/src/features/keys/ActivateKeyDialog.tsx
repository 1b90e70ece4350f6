import { Button, Stack } from '@mantine/core'
import { useLocation } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import type { Key } from '@/api/types'
import { Buttons } from '@/ui/Buttons'
import { Dialog } from '@/ui/Dialog'
import { Notice } from '@/ui/Notice'
import { ActivatedDialog } from './ActivatedDialog'
import { KeyFacts } from './KeyParts'
import { useActivation } from './useActivation'
import { WithKey } from './WithKey'

/** Settings > API Keys Management > Activate, also the step after an edit. */
export function ActivateKeyDialog() {
  const { t } = useTranslation('keys')
  return <WithKey title={t('activate')}>{(key, close) => <Ask key={key.id} of={key} onClose={close} />}</WithKey>
}

function Ask({ of, onClose }: { of: Key; onClose: () => void }) {
  const { t } = useTranslation('keys')
  const edited = useLocation({ select: (l) => l.state.edited })
  const activation = useActivation(of)
  const active = of.status === 'active'
  const act = useRef<HTMLButtonElement>(null)
  // After an edit the list may tell a moment later that the key is inactive; the button comes then.
  useEffect(() => {
    if (!active) act.current?.focus()
  }, [active])
  if (activation.done) return <ActivatedDialog of={activation.done} onClose={onClose} />
  const foot = (
    <Buttons>
      <Button variant="default" onClick={onClose}>
        {t(active ? 'close' : edited ? 'activateLater' : 'cancel')}
      </Button>
      {!active && (
        <Button ref={act} onClick={activation.start} loading={activation.busy} data-autofocus="">
          {t('activateNow')}
        </Button>
      )}
    </Buttons>
  )
  return (
    <Dialog title={t('activateTitle', { name: of.name })} onClose={onClose} width={520} small foot={foot}>
      <Stack gap="md">
        {edited && !active && (
          <Notice kind="good" live title={t('edited.title')}>
            {t('edited.text')}
          </Notice>
        )}
        <p>{t(active ? 'activeAlready' : 'activateText')}</p>
        <KeyFacts of={of} />
        {activation.trouble}
      </Stack>
      {activation.dialog}
    </Dialog>
  )
}
