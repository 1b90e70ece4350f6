import { IconServer, IconServerOff } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import type { Fleet as Facts } from '@/api/types'
import { count, dateTime } from '@/lib/format'
import { useNow } from '@/lib/useNow'
import { Empty } from '@/ui/Empty'
import { Notice } from '@/ui/Notice'
import { Card } from '@/ui/Page'
import { hintOf, type Row, rowsOf } from './condition'
import classes from './NodesPage.module.css'
import { NodeTable } from './NodeTable'
import type { Look } from './queries'

/** All nodes of a shared database: how many follow, each of them, and what to do. */
export function Fleet({ look: { fleet, seen } }: { look: Look }) {
  const { t } = useTranslation('nodes')
  useNow() // leases run out
  const { there, gone } = rowsOf(fleet, seen, Date.now())
  return (
    <>
      {there.length > 0 && <Summary of={fleet} there={there} />}
      {there.length > 0 ? (
        <NodeTable rows={there} label={t('title')} />
      ) : (
        <Card>
          <Empty icon={<IconServerOff />} title={t('emptyTitle')}>
            {t('emptyText')}
          </Empty>
        </Card>
      )}
      <Hints of={there} />
      {gone.length > 0 && (
        <details className={classes.gone}>
          <summary>{t('gone', { count: gone.length, n: count(gone.length) })}</summary>
          <NodeTable rows={gone} label={t('gone', { count: gone.length, n: count(gone.length) })} />
        </details>
      )}
      <Until of={fleet} />
    </>
  )
}

/** One sentence on how many follow, one on what is in force. */
function Summary({ of, there }: { of: Facts; there: Row[] }) {
  const { t } = useTranslation('nodes')
  const following = there.filter((row) => row.condition === 'serving').length
  const n = count(there.length)
  const all = following === there.length
  return (
    <Notice
      kind={all ? 'good' : 'warn'}
      title={
        all
          ? t('summary.all', { count: there.length, n })
          : t('summary.some', { count: there.length, n, following: count(following) })
      }
    >
      <span role="status">
        <InForce of={of} />
      </span>
    </Notice>
  )
}

function InForce({ of: { newest, confirmed } }: { of: Facts }) {
  const { t } = useTranslation('nodes')
  const open = newest - confirmed
  if (newest === 0) return t('summary.unchanged')
  if (open <= 0) return t('summary.settled', { newest: count(newest) })
  return t('summary.open', { count: open, n: count(open), confirmed: count(confirmed) })
}

/** What mends a node that does not follow. */
function Hints({ of }: { of: Row[] }) {
  const { t } = useTranslation('nodes')
  const hints = of.flatMap((row) => {
    const hint = hintOf(row, of.length)
    return hint ? [{ id: row.node.id, name: row.node.name, hint }] : []
  })
  if (hints.length === 0) return null
  return (
    <section className={classes.hints}>
      <h2 className={classes.subtitle}>{t('doTitle')}</h2>
      <ul>
        {hints.map(({ id, name, hint }) => (
          <li key={id}>{t(`do.${hint}`, { name })}</li>
        ))}
      </ul>
      <p className={classes.dim}>{t('more', { docs: t('docs') })}</p>
    </section>
  )
}

function Until({ of }: { of: Facts }) {
  const { t } = useTranslation('nodes')
  return <p className={classes.small}>{t('until', { time: dateTime(of.endsAt) })}</p>
}

/** One process on SQLite has no nodes to compare. */
export function Alone({ of }: { of: Facts }) {
  const { t } = useTranslation('nodes')
  return (
    <>
      <Card>
        <Empty icon={<IconServer />} title={t('aloneTitle')}>
          {t('aloneText')} {of.newest > 0 ? t('aloneChanges', { newest: count(of.newest) }) : t('aloneNone')}
        </Empty>
      </Card>
      <p className={classes.small}>
        {t('aloneMore', { docs: t('docs') })} {t('until', { time: dateTime(of.endsAt) })}
      </p>
    </>
  )
}
