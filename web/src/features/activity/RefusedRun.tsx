import { useTranslation } from 'react-i18next'
import type { Action, Key, RefusedCall } from '@/api/types'
import { en } from '@/lib/i18n'
import { CopyButton } from '@/ui/CopyButton'
import { Time } from '@/ui/Time'
import { mendOf } from './mend'
import classes from './RefusedRun.module.css'
import { StepLink } from './StepLink'

type Reason = keyof typeof en.activity.reason
const isReason = (code: string): code is Reason => Object.hasOwn(en.activity.reason, code)

type Props = { run: [RefusedCall, ...RefusedCall[]]; of: Key; actions: Action[] }

/** The exact reason, what mends it, and each call that met it: when, what, from where, under which number. */
export function RefusedRun({ run, of, actions }: Props) {
  const { t } = useTranslation('activity')
  const [newest] = run
  const mend = mendOf(newest, of, actions)
  const permission = mend.permission ? t(`permission.${mend.permission}`) : ''
  return (
    <li className={classes.run}>
      <h3 className={classes.reason}>
        {isReason(newest.reason) ? t(`reason.${newest.reason}`) : newest.reason}{' '}
        <code className={classes.code}>{newest.reason}</code>
      </h3>
      <p className={classes.detail}>{newest.detail}</p>
      <div className={classes.mend}>
        <p>
          <span className="sr-only">{t('refused.mend')}: </span>
          {t(`mend.${mend.text}`, { ip: newest.ip, permission })}
        </p>
        {mend.steps.map((step) => (
          <StepLink key={step} step={step} keyId={of.id} method={mend.method} />
        ))}
      </div>
      <ul className={classes.calls}>
        {run.map((call) => (
          <Call key={call.seq} call={call} />
        ))}
      </ul>
    </li>
  )
}

function Call({ call }: { call: RefusedCall }) {
  const { t } = useTranslation('activity')
  return (
    <li className={classes.call}>
      <span className={classes.time}>
        <Time at={call.at} />
      </span>
      <bdi className={`${classes.mono} ${classes.action}`}>{call.action || t('refused.noAction')}</bdi>
      <span>
        {t('refused.from')} <span className={classes.mono}>{call.ip}</span>
      </span>
      <span className={classes.request}>
        <span className={classes.mono}>{call.requestId}</span>
        <CopyButton text={call.requestId} label={t('refused.copyRequest', { id: call.requestId })} />
      </span>
    </li>
  )
}
