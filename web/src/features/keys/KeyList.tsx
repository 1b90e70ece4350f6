import { useMediaQuery } from '@mantine/hooks'
import { useTranslation } from 'react-i18next'
import type { Key } from '@/api/types'
import { Card } from '@/ui/Page'
import { Time } from '@/ui/Time'
import { KeyActions } from './KeyActions'
import classes from './KeyList.module.css'
import { KeyId, LastUsed, PermissionTags, Status, Whitelist } from './KeyParts'
import { LiveLink } from './LiveLink'
import { Refusals } from './Refusals'

/** The keys: a table where there is room, else a card for each. */
export function KeyList({ keys }: { keys: Key[] }) {
  const wide = useMediaQuery('(min-width: 66em)', true, { getInitialValueInEffect: false })
  return wide ? <KeyTable keys={keys} /> : <KeyCards keys={keys} />
}

function KeyTable({ keys }: { keys: Key[] }) {
  const { t } = useTranslation('keys')
  return (
    <Card>
      <table className={classes.table} aria-label={t('section')}>
        <thead>
          <tr>
            {(['name', 'permissions', 'id', 'allowlist', 'updated', 'used', 'actions'] as const).map((column) => (
              <th key={column} scope="col">
                {t(`column.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <tr key={key.id}>
              <td>
                <bdi className={classes.name}>{key.name}</bdi>
                <Status status={key.status} />
              </td>
              <td className={classes.permissions}>
                <PermissionTags names={key.permissions} />
              </td>
              <td>
                <KeyId of={key} short />
              </td>
              <td className={classes.whitelist}>
                <Whitelist entries={key.allowlist} most={2} />
              </td>
              <td className={classes.when}>
                <Time at={key.updatedAt} relative />
              </td>
              <td className={classes.when}>
                <LastUsed of={key} />
                <LiveLink of={key} />
                <Refusals of={key} />
              </td>
              <td>
                <KeyActions of={key} className={classes.actions} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}

function KeyCards({ keys }: { keys: Key[] }) {
  const { t } = useTranslation('keys')
  return (
    <ul className={classes.cards} aria-label={t('section')}>
      {keys.map((key) => (
        <li key={key.id} className={classes.card}>
          <div className={classes.cardHead}>
            <bdi className={classes.name}>{key.name}</bdi>
            <Status status={key.status} />
          </div>
          <dl className={classes.cardFacts}>
            <dt>{t('column.permissions')}</dt>
            <dd>
              <PermissionTags names={key.permissions} />
            </dd>
            <dt>{t('column.id')}</dt>
            <dd>
              <KeyId of={key} />
            </dd>
            <dt>{t('column.allowlist')}</dt>
            <dd>
              <Whitelist entries={key.allowlist} most={2} />
            </dd>
            <dt>{t('column.updated')}</dt>
            <dd className={classes.when}>
              <Time at={key.updatedAt} relative />
            </dd>
            <dt>{t('column.used')}</dt>
            <dd className={classes.when}>
              <LastUsed of={key} />
              <LiveLink of={key} />
              <Refusals of={key} />
            </dd>
          </dl>
          <KeyActions of={key} className={classes.cardActions} />
        </li>
      ))}
    </ul>
  )
}
