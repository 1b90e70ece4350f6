import { useTranslation } from 'react-i18next'
import type { PermissionName } from '@/api/types'
import { count } from '@/lib/format'
import classes from './Diff.module.css'
import type { Difference } from './edit'

/** What changes, old > new, before it is saved. */
export function Diff({ of: { permissions, allowlist } }: { of: Difference }) {
  const { t } = useTranslation('keys')
  if (!permissions && !allowlist) return null
  const name = (p: PermissionName) => t(`permission.${p}.name`).replaceAll(' ', '\u00a0') // stays on one line
  const size = (entries: string[]) =>
    entries.length === 0 ? t('anyAddress') : t('entries', { count: entries.length, n: count(entries.length) })
  return (
    <section className={classes.diff} aria-label={t('diff.title')}>
      <h3 className={classes.title}>{t('diff.title')}</h3>
      {permissions && (
        <Change
          label={t('column.permissions')}
          old={permissions.old.map(name).join(', ')}
          now={permissions.now.map(name).join(', ')}
          added={permissions.now.filter((p) => !permissions.old.includes(p)).map(name)}
          removed={permissions.old.filter((p) => !permissions.now.includes(p)).map(name)}
        />
      )}
      {allowlist && (
        <Change
          label={t('column.allowlist')}
          old={size(allowlist.old)}
          now={size(allowlist.now)}
          added={allowlist.added}
          removed={allowlist.removed}
          mono
          opens={allowlist.now.length === 0}
        />
      )}
    </section>
  )
}

type ChangeProps = {
  label: string
  old: string
  now: string
  added: string[]
  removed: string[]
  mono?: boolean
  /** The whitelist goes; the field above says what that means. */
  opens?: boolean
}

/** How many items of a long list are named. */
const named = 12

function Change({ label, old, now, added, removed, mono = false, opens = false }: ChangeProps) {
  const { t } = useTranslation('keys')
  const items = [...removed.map((text) => ({ text, plus: false })), ...added.map((text) => ({ text, plus: true }))]
  return (
    <div className={classes.change}>
      <span>{label}</span>
      <del>
        <span className="sr-only">{t('diff.old')} </span>
        {old}
      </del>
      <span className={classes.arrow} aria-hidden>
        →
      </span>
      <ins>
        <span className="sr-only">{t('diff.new')} </span>
        <span className={opens ? classes.opens : undefined}>{now}</span>
        <ul className={classes.items}>
          {items.slice(0, named).map(({ text, plus }) => (
            <li key={`${plus} ${text}`}>
              <span className={plus ? classes.plus : classes.minus} aria-hidden>
                {plus ? '+' : '−'}
              </span>
              <span className="sr-only">{t(plus ? 'diff.added' : 'diff.removed')} </span>
              <span className={mono ? classes.mono : undefined}>{text}</span>
            </li>
          ))}
          {items.length > named && <li>{t('more', { n: count(items.length - named) })}</li>}
        </ul>
      </ins>
    </div>
  )
}
