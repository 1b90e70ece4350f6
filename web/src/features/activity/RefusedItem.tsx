import { useTranslation } from 'react-i18next'
import type { Action, Key, RefusedCall } from '@/api/types'
import { en } from '@/lib/i18n'
import { CopyButton } from '@/ui/CopyButton'
import { Time } from '@/ui/Time'
import { mendOf } from './mend'
import classes from './RefusedCalls.module.css'
import { StepLink } from './StepLink'

type Reason = keyof typeof en.activity.reason
const isReason = (code: string): code is Reason => Object.hasOwn(en.activity.reason, code)

type Props = { call: RefusedCall; of: Key; actions: Action[] }

/** One refused call: what, when, from where, the exact reason, and the step that mends it. */
export function RefusedItem({ call, of, actions }: Props) {
  const { t } = useTranslation('activity')
  const mend = mendOf(call, of, actions)
  const needed = mend.permission ? t(`permission.${mend.permission}`) : ''
  return (
    <li className={classes.call}>
      <div className={classes.head}>
        <h3 className={classes.reason}>{isReason(call.reason) ? t(`reason.${call.reason}`) : call.reason}</h3>
        <code className={classes.code}>{call.reason}</code>
        <span className={classes.time}>
          <Time at={call.at} relative />
        </span>
      </div>
      <p className={classes.action}>
        <bdi>{call.action || t('refused.noAction')}</bdi>
      </p>
      <p className={classes.detail}>{call.detail}</p>
      <div className={classes.mend}>
        <p>
          <span className="sr-only">{t('refused.mend')}: </span>
          {t(`mend.${mend.text}`, { ip: call.ip, permission: needed })}
        </p>
        {mend.steps.map((step) => (
          <StepLink key={step} step={step} keyId={of.id} method={mend.method} />
        ))}
      </div>
      <dl className={classes.facts}>
        <dt>{t('refused.from')}</dt>
        <dd>
          <code>{call.ip}</code>
        </dd>
        <dt>{t('refused.request')}</dt>
        <dd className={classes.request}>
          <code>{call.requestId}</code>
          <CopyButton text={call.requestId} label={t('refused.copyRequest', { id: call.requestId })} />
        </dd>
      </dl>
    </li>
  )
}
