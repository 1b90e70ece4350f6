import { Button } from '@mantine/core'
import { IconDownload, IconHistory } from '@tabler/icons-react'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { Ready } from '@/api/Ready'
import { serverNow } from '@/lib/clock'
import { Empty } from '@/ui/Empty'
import { Loading } from '@/ui/Loading'
import { Notice } from '@/ui/Notice'
import { Card, Page } from '@/ui/Page'
import { ActivityFilter } from './ActivityFilter'
import classes from './ActivityPage.module.css'
import { ActivityTable } from './ActivityTable'
import { backwards, exportPath, type Filter, queryOf } from './filter'
import { More } from './More'
import { activitiesQuery } from './queries'

/** Account Activities: what was done and what was refused, newest first. The filters are in the URL. */
export function ActivityPage() {
  const { t } = useTranslation('activity')
  const filter: Filter = useSearch({ from: '/app/activities' })
  const navigate = useNavigate({ from: '/activities' })
  const change = (next: Filter) => void navigate({ search: (old) => ({ ...old, ...next }), replace: true })
  return (
    <Page title={t('title')} lead={t('lead')} actions={<Export filter={filter} />}>
      <ActivityFilter filter={filter} onChange={change} />
      {backwards(filter) ? (
        <Notice kind="bad">{t('badPeriod')}</Notice>
      ) : (
        <Activities
          filter={filter}
          onReset={() => void navigate({ search: { period: 'all' }, replace: true })}
          onChange={change}
        />
      )}
    </Page>
  )
}

function Export({ filter }: { filter: Filter }) {
  const { t } = useTranslation('activity')
  return (
    <Button
      component="a"
      href={exportPath(queryOf(filter, serverNow()))}
      download
      variant="default"
      leftSection={<IconDownload size={16} aria-hidden />}
      title={t('exportHint')}
    >
      {t('export')}
    </Button>
  )
}

type Props = { filter: Filter; onReset: () => void; onChange: (next: Filter) => void }

function Activities({ filter, onReset, onChange }: Props) {
  const { t } = useTranslation('activity')
  const query = useInfiniteQuery(activitiesQuery(filter))
  const loading = (
    <Card>
      <div className={classes.loading}>
        <Loading lines={6} height={24} />
      </div>
    </Card>
  )
  return (
    <Ready query={query} loading={loading}>
      {({ pages }) => {
        const items = pages.flatMap((page) => page.items)
        return items.length > 0 ? (
          <>
            <p className={classes.count} role="status">
              {query.hasNextPage ? t('shownMore', { n: items.length }) : t('shown', { count: items.length })}
            </p>
            <Card>
              <ActivityTable items={items} old={query.isPlaceholderData} onKey={(key) => onChange({ key })} />
            </Card>
            <More query={query} text={t('older')} failed={t('olderFailed')} />
          </>
        ) : (
          <Card>
            <Empty
              icon={<IconHistory />}
              title={t('emptyTitle')}
              action={
                <Button variant="default" onClick={onReset}>
                  {t('reset')}
                </Button>
              }
            >
              {t('emptyText')}
            </Empty>
          </Card>
        )
      }}
    </Ready>
  )
}
