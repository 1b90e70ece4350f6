import { IconWorld } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import type { Key, PermissionName } from '@/api/types'
import { count } from '@/lib/format'
import { CopyButton } from '@/ui/CopyButton'
import { Time } from '@/ui/Time'
import classes from './KeyParts.module.css'

// What a row, a card and the pop-ups show of a key.

export function Status({ status }: { status: Key['status'] }) {
  const { t } = useTranslation('keys')
  return (
    <span className={classes.status} data-status={status}>
      {t(`status.${status}`)}
    </span>
  )
}

export function PermissionTags({ names }: { names: PermissionName[] }) {
  const { t } = useTranslation('keys')
  return (
    <ul className={classes.tags}>
      {names.map((name) => (
        <li key={name} className={classes.tag}>
          {t(`permission.${name}.name`)}
        </li>
      ))}
    </ul>
  )
}

/** The public id, cut in a narrow column, and its copy button. */
export function KeyId({ of, short = false }: { of: Key; short?: boolean }) {
  const { t } = useTranslation('keys')
  return (
    <span className={classes.id}>
      <code className={`${classes.mono} ${short ? classes.short : ''}`} title={of.id}>
        {short ? `${of.id.slice(0, 10)}…` : of.id}
      </code>
      <CopyButton text={of.id} label={t('copyId', { name: of.name })} />
    </span>
  )
}

/** From where the key may be used. `most` entries are shown, the others counted. */
export function Whitelist({ entries, most = 1000 }: { entries: string[]; most?: number }) {
  const { t } = useTranslation('keys')
  if (entries.length === 0) {
    return (
      <span className={classes.any}>
        <IconWorld size={15} aria-hidden />
        {t('anyAddress')}
      </span>
    )
  }
  // One entry more takes the line that would count it.
  const shown = entries.length <= most + 1 ? entries : entries.slice(0, most)
  return (
    <ul className={classes.list} title={entries.slice(0, 40).join('\n')}>
      {shown.map((entry) => (
        <li key={entry} className={classes.mono}>
          {entry}
        </li>
      ))}
      {shown.length < entries.length && (
        <li className={classes.muted}>{t('more', { n: count(entries.length - shown.length) })}</li>
      )}
    </ul>
  )
}

export function LastUsed({ of }: { of: Key }) {
  const { t } = useTranslation('keys')
  return of.lastUsed ? <Time at={of.lastUsed} relative /> : <span className={classes.muted}>{t('never')}</span>
}

/** The key's data in a pop-up that asks about it; its name is in the title. */
export function KeyFacts({ of }: { of: Key }) {
  const { t } = useTranslation('keys')
  return (
    <dl className={classes.facts}>
      <dt>{t('column.id')}</dt>
      <dd>
        <KeyId of={of} />
      </dd>
      <dt>{t('column.permissions')}</dt>
      <dd>
        <PermissionTags names={of.permissions} />
      </dd>
      <dt>{t('column.allowlist')}</dt>
      <dd>
        <Whitelist entries={of.allowlist} most={6} />
      </dd>
      <dt>{t('column.used')}</dt>
      <dd className={classes.when}>
        <LastUsed of={of} />
      </dd>
    </dl>
  )
}
