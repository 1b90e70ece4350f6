import { Button, Checkbox, Stack } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useBlocker } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { catalogQuery } from '@/api/queries'
import { saveFile } from '@/lib/copy'
import { Buttons } from '@/ui/Buttons'
import { CopyButton } from '@/ui/CopyButton'
import { Dialog } from '@/ui/Dialog'
import { Notice } from '@/ui/Notice'
import { ActivatedDialog } from './ActivatedDialog'
import { type Create, envFile, envName } from './create'
import classes from './SecretDialog.module.css'
import { useActivation } from './useActivation'

type Props = { state: Extract<Create, { name: 'secret' }>; onTick: (on: boolean) => void; onClose: () => void }

/**
 * The step "Activate API Key" of a new key. The secret is shown this once, so
 * there is no way out before the tick: not by Escape, not by browser back
 * without a question.
 */
export function SecretDialog({ state: { key, secret, saved }, onTick, onClose }: Props) {
  const { t } = useTranslation('keys')
  const activation = useActivation(key)
  const gateway = useQuery(catalogQuery).data?.gateway
  const leaving = useBlocker({
    shouldBlockFn: () => !saved,
    enableBeforeUnload: !saved,
    withResolver: true,
  })
  if (activation.done) return <ActivatedDialog of={activation.done} onClose={onClose} />
  const foot = (
    <Stack gap="sm">
      <Checkbox label={t('secret.tick')} checked={saved} onChange={(event) => onTick(event.currentTarget.checked)} />
      {saved && (
        <Buttons>
          <Button variant="default" onClick={onClose}>
            {t('activateLater')}
          </Button>
          <Button onClick={() => void activation.start()} loading={activation.busy}>
            {t('activateNow')}
          </Button>
        </Buttons>
      )}
    </Stack>
  )
  return (
    <Dialog title={t('secret.title')} width={600} foot={foot} {...(saved ? { onClose } : {})}>
      <Stack gap="md">
        <Notice kind="good" live>
          {t('secret.created', { name: key.name })}
        </Notice>
        <Notice kind="warn">{t('secret.once')}</Notice>
        {activation.trouble}
        <dl className={classes.field}>
          <dt>{t('column.id')}</dt>
          <dd>
            <code>{key.id}</code>
            <CopyButton text={key.id} label={t('copyId', { name: key.name })} />
          </dd>
          <dt>{t('secret.secret')}</dt>
          <dd>
            <code>{secret}</code>
            <CopyButton text={secret} label={t('secret.copy')} />
          </dd>
        </dl>
        <div>
          <Button
            variant="default"
            leftSection={<IconDownload size={16} aria-hidden />}
            onClick={() => saveFile(envName(key), envFile(key, secret, gateway))}
          >
            {t('secret.download')}
          </Button>
        </div>
      </Stack>
      {activation.dialog}
      {leaving.status === 'blocked' && <Leaving onStay={leaving.reset} onLeave={leaving.proceed} />}
    </Dialog>
  )
}

function Leaving({ onStay, onLeave }: { onStay: () => void; onLeave: () => void }) {
  const { t } = useTranslation('keys')
  const foot = (
    <Buttons>
      <Button variant="default" onClick={onLeave}>
        {t('leaving.leave')}
      </Button>
      <Button onClick={onStay}>{t('leaving.stay')}</Button>
    </Buttons>
  )
  return (
    <Dialog title={t('leaving.title')} onClose={onStay} width={440} level={2} small foot={foot}>
      <p>{t('leaving.text')}</p>
    </Dialog>
  )
}
