import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { Factor, Factors } from '@/api/types'
import { hasPasskeys } from '@/lib/webauthn'
import { Notice } from '@/ui/Notice'
import classes from './AddFactor.module.css'
import { icons } from './icons'

type Kind = Factor['kind']

const pages = {
  passkey: '/settings/security/add-passkey',
  totp: '/settings/security/add-app',
  sms: '/settings/security/add-phone',
} as const

/** What can be added here, the strongest first. Without any second factor it says what that means. */
export function AddFactor({ offered, none }: { offered: Factors['offered']; none: boolean }) {
  const { t } = useTranslation('security')
  return (
    <div>
      {none ? (
        <Notice kind="warn" title={t('none.title')}>
          {t('none.text')}
        </Notice>
      ) : (
        <h3 className={classes.title}>{t('add.title')}</h3>
      )}
      <ul className={classes.kinds}>
        {offered.map((kind) => (
          <li key={kind}>
            <Choice kind={kind} />
          </li>
        ))}
      </ul>
    </div>
  )
}

function Choice({ kind }: { kind: Kind }) {
  const { t } = useTranslation('security')
  const Icon = icons[kind]
  const missing = kind === 'passkey' && !hasPasskeys()
  const content = (
    <>
      <Icon aria-hidden />
      <span>
        <strong>{t(`add.${kind}`)}</strong>
        <span className={classes.text}>{t(missing ? 'add.passkeyMissing' : `add.${kind}Text`)}</span>
      </span>
    </>
  )
  if (missing) return <p className={classes.kind}>{content}</p>
  return (
    <Link to={pages[kind]} state={{ over: true }} className={classes.kind}>
      {content}
    </Link>
  )
}
