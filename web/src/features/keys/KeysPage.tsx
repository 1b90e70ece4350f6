import { Button } from '@mantine/core'
import { IconKey } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Outlet } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { catalogQuery, factorsQuery } from '@/api/queries'
import { Ready } from '@/api/Ready'
import { Empty } from '@/ui/Empty'
import { LinkButton } from '@/ui/LinkButton'
import { Loading } from '@/ui/Loading'
import { Card, Page } from '@/ui/Page'
import { KeyList } from './KeyList'
import classes from './KeysPage.module.css'
import { keysQuery } from './queries'

/** Settings > API Keys Management. */
export function KeysPage() {
  const { t } = useTranslation('keys')
  const keys = useQuery(keysQuery)
  // The pop-ups open with both; asking now makes them open at once.
  useQuery(factorsQuery)
  useQuery(catalogQuery)
  const full = keys.data !== undefined && keys.data.items.length >= keys.data.most
  const none = keys.data?.items.length === 0 // then the empty card has the button
  return (
    <Page title={t('title')} path={t('settings')} lead={t('lead')}>
      <div className={classes.head}>
        <h2 className={classes.section}>{t('section')}</h2>
        {keys.data && !none && (
          <p className={classes.count}>
            {t(full ? 'countFull' : 'count', { n: keys.data.items.length, most: keys.data.most })}
          </p>
        )}
        {!none && <NewButton disabled={full} />}
      </div>
      <Ready
        query={keys}
        loading={
          <Card>
            <div className={classes.loading}>
              <Loading lines={5} height={28} />
            </div>
          </Card>
        }
      >
        {({ items }) =>
          items.length > 0 ? (
            <KeyList keys={items} />
          ) : (
            <Card>
              <Empty icon={<IconKey />} title={t('emptyTitle')} action={<NewButton />}>
                {t('emptyText')}
              </Empty>
            </Card>
          )
        }
      </Ready>
      <Outlet />
    </Page>
  )
}

function NewButton({ disabled = false }: { disabled?: boolean }) {
  const { t } = useTranslation('keys')
  if (disabled) return <Button disabled>{t('new')}</Button>
  return (
    <LinkButton to="/settings/api-keys/new" state={{ over: true }}>
      {t('new')}
    </LinkButton>
  )
}
