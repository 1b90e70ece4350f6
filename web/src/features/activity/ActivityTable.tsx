import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import type { Activity } from '@/api/types'
import { en } from '@/lib/i18n'
import { Time } from '@/ui/Time'
import classes from './ActivityTable.module.css'
import { Changes } from './Changes'
import { membersQuery } from './queries'

type Props = {
  items: Activity[]
  /** Of the filter before, while the new ones are read. */
  old: boolean
  onKey: (id: string) => void
}

/** Time, Source, Action, IP. On a phone each row becomes a card. */
export function ActivityTable({ items, old, onKey }: Props) {
  const { t } = useTranslation('activity')
  const members = useQuery(membersQuery).data?.items
  return (
    <table className={classes.table} data-old={old || undefined} aria-busy={old} aria-label={t('title')}>
      <thead>
        <tr>
          {(['time', 'source', 'action', 'ip'] as const).map((column) => (
            <th key={column} scope="col">
              {t(`column.${column}`)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {items.map((a) => (
          <tr key={a.seq}>
            <td className={classes.time}>
              <Time at={a.at} />
            </td>
            <td className={classes.source}>
              {t(`sources.${a.source}`)}
              <Who id={a.memberId} email={members?.find((m) => m.id === a.memberId)?.email} />
            </td>
            <td className={classes.action}>
              <What of={a} onKey={onKey} />
            </td>
            <td className={classes.ip}>{a.ip ?? <span className="sr-only">{t('unknownIp')}</span>}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** A member who was removed has no address any more; the id stays in the title. */
function Who({ id, email }: { id: string | undefined; email: string | undefined }) {
  return id && email ? (
    <small className={classes.who} title={id}>
      {email}
    </small>
  ) : null
}

/** These were no success. */
const bad: Activity['type'][] = ['refused', 'sign_in_failed', 'code_wrong', 'pending_died']

type FactorKind = keyof typeof en.activity.factor
/** The subject of an act on a second factor is its kind, as the API writes it. */
const isFactor = (subject: string): subject is FactorKind => Object.hasOwn(en.activity.factor, subject)

function What({ of, onKey }: { of: Activity; onKey: (id: string) => void }) {
  const { t } = useTranslation('activity')
  const { keyId, subject } = of
  return (
    <>
      <span className={classes.type} data-bad={bad.includes(of.type) || undefined}>
        {t(`type.${of.type}`)}
      </span>{' '}
      {keyId && subject ? (
        <button
          type="button"
          className={classes.key}
          title={t('onlyAbout', { name: subject })}
          onClick={() => onKey(keyId)}
        >
          <bdi>{subject}</bdi>
        </button>
      ) : (
        subject && <bdi className={classes.subject}>{isFactor(subject) ? t(`factor.${subject}`) : subject}</bdi>
      )}
      {of.note && <p className={classes.note}>{of.note}</p>}
      <Changes of={of.changes} />
    </>
  )
}
