import { Button, Checkbox } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useBlocker } from '@tanstack/react-router'
import { useId, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { sessionQuery } from '@/api/queries'
import { serverNow } from '@/lib/clock'
import { saveFile } from '@/lib/copy'
import { dateTime } from '@/lib/format'
import { Buttons } from '@/ui/Buttons'
import { CopyButton } from '@/ui/CopyButton'
import { Dialog } from '@/ui/Dialog'
import classes from './RecoveryCodes.module.css'

type Props = { codes: string[]; onSaved: () => void }

/** The new recovery codes, this once. It closes only when the member says that they are saved. */
export function CodesDialog({ codes, onSaved }: Props) {
  const { t } = useTranslation('security')
  const [saved, setSaved] = useState(false)
  const email = useQuery(sessionQuery).data?.member.email ?? ''
  const hint = useId()
  const leaving = useBlocker({ shouldBlockFn: () => !saved, enableBeforeUnload: !saved, withResolver: true })
  const text = codes.join('\n')
  const download = () => {
    const head = t('recovery.file', { email, date: dateTime(serverNow()) })
    saveFile('latchkey-recovery-codes.txt', `${head}\n\n${text}\n`)
  }
  const foot = (
    <div className={classes.foot}>
      <Checkbox
        label={t('recovery.saved')}
        checked={saved}
        onChange={(event) => setSaved(event.currentTarget.checked)}
      />
      <Button disabled={!saved} aria-describedby={saved ? undefined : hint} onClick={onSaved}>
        {t('recovery.done')}
      </Button>
      <span id={hint} className="sr-only">
        {t('recovery.savedFirst')}
      </span>
    </div>
  )
  return (
    <Dialog title={t('recovery.codesTitle')} width={640} foot={foot} small>
      <p>{t('recovery.codesLead')}</p>
      <ol className={classes.codes} aria-label={t('recovery.list')}>
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <div className={classes.acts}>
        <CopyButton text={text} word={t('recovery.copy')} label={t('recovery.copyLabel')} />
        <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />} onClick={download}>
          {t('recovery.download')}
        </Button>
      </div>
      {leaving.status === 'blocked' && <Leaving onStay={leaving.reset} onLeave={leaving.proceed} />}
    </Dialog>
  )
}

/** Browser back would lose the codes without a word. */
function Leaving({ onStay, onLeave }: { onStay: () => void; onLeave: () => void }) {
  const { t } = useTranslation('security')
  const foot = (
    <Buttons>
      <Button variant="default" onClick={onLeave}>
        {t('recovery.leave')}
      </Button>
      <Button onClick={onStay}>{t('recovery.stay')}</Button>
    </Buttons>
  )
  return (
    <Dialog title={t('recovery.leaveTitle')} onClose={onStay} width={420} level={2} small foot={foot}>
      <p>{t('recovery.leaveText')}</p>
    </Dialog>
  )
}
