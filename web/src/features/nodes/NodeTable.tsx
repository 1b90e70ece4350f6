import { useTranslation } from 'react-i18next'
import { serverNow } from '@/lib/clock'
import { count, exactTime } from '@/lib/format'
import { Card } from '@/ui/Page'
import { Time } from '@/ui/Time'
import type { Row } from './condition'
import classes from './NodeTable.module.css'

const columns = ['node', 'state', 'lease', 'applied', 'started', 'memory'] as const

/** The nodes: a table where there is room, else a card for each, by CSS alone. */
export function NodeTable({ rows, label }: { rows: Row[]; label: string }) {
  const { t } = useTranslation('nodes')
  return (
    <Card>
      <table className={classes.table} aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {t(`column.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <NodeRow key={row.node.id} row={row} />
          ))}
        </tbody>
      </table>
    </Card>
  )
}

const seconds = (milliseconds: number) => `${count(Math.ceil(milliseconds / 1000))} s`

/** To the second where that says more than "now". */
function Renewed({ at }: { at: string }) {
  const { t } = useTranslation('nodes')
  const age = Math.max(0, serverNow() - Date.parse(at))
  if (age >= 60_000) return <Time at={at} relative />
  return (
    <time dateTime={at} title={exactTime(at)}>
      {t('lease.ago', { n: count(Math.floor(age / 1000)) })}
    </time>
  )
}

function NodeRow({ row: { node, left, condition } }: { row: Row }) {
  const { t } = useTranslation('nodes')
  const whole = seconds(node.leaseMs)
  const none = node.state === 'live' ? t('lease.over') : t('lease.none')
  return (
    <tr>
      <td className={classes.node}>
        <bdi className={classes.name}>{node.name}</bdi>
        <code className={classes.id}>{node.id}</code>
      </td>
      <td data-label={t('column.state')}>
        <span className={classes.state} data-condition={condition}>
          {t(`state.${condition}`)}
        </span>
      </td>
      <td data-label={t('column.lease')}>
        <div>
          <span className={classes.number}>{left > 0 ? t('lease.left', { left: seconds(left), whole }) : none}</span>
          <small>
            {t('lease.seen')} <Renewed at={node.lastSeen} />
          </small>
        </div>
      </td>
      <td data-label={t('column.applied')}>
        <div>
          <span className={classes.number}>{t('applied.upTo', { n: count(node.applied) })}</span>
          <small>
            {node.behind > 0 ? t('applied.behind', { count: node.behind, n: count(node.behind) }) : t('applied.newest')}
          </small>
        </div>
      </td>
      <td data-label={t('column.started')} className={classes.when}>
        <Time at={node.startedAt} relative />
      </td>
      <td data-label={t('column.memory')}>{t(node.alone ? 'memory.alone' : 'memory.shared')}</td>
    </tr>
  )
}
