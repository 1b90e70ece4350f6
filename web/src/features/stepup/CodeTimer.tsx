import { Button } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { clock } from '@/lib/format'
import classes from './Panel.module.css'
import type { Timing } from './reducer'

type Props = { time: Timing; resent: number; busy: boolean; onResend: () => void }

/** How long the code lives, and from two minutes on the way to another one; once it has expired that way is the panel's own button. The seconds are not read out; what changes is. */
export function CodeTimer({ time, resent, busy, onResend }: Props) {
  const { t } = useTranslation('stepup')
  if (time.codeLeft === null) return null
  const news = time.expired ? '' : time.resend ? t('canResend') : resent > 0 ? t('resent') : ''
  return (
    <div className={classes.under}>
      {!time.expired && (
        <span role="timer">
          {t('valid')} <strong>{clock(time.codeLeft)}</strong>
        </span>
      )}
      {time.resend && !time.expired ? (
        <Button variant="light" size="compact-md" loading={busy} onClick={onResend}>
          {t('resend')}
        </Button>
      ) : (
        time.resendIn !== null && <span>{t('resendIn', { time: clock(time.resendIn) })}</span>
      )}
      <span role="status" className="sr-only">
        {news}
      </span>
    </div>
  )
}
