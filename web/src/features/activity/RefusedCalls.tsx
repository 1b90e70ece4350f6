import { Button } from '@mantine/core'
import { IconShieldCheck } from '@tabler/icons-react'
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useParams } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { catalogQuery } from '@/api/queries'
import { Ready } from '@/api/Ready'
import type { Key } from '@/api/types'
import { useClose } from '@/lib/useClose'
import { Buttons } from '@/ui/Buttons'
import { Dialog } from '@/ui/Dialog'
import { Empty } from '@/ui/Empty'
import { Loading } from '@/ui/Loading'
import { More } from './More'
import { runs } from './mend'
import { keyQuery, refusedQuery } from './queries'
import classes from './RefusedCalls.module.css'
import { RefusedRun } from './RefusedRun'

/** The pop-up over the keys: what the gateway refused of one key, why, and what mends it. */
export function RefusedCalls() {
  const { t } = useTranslation('activity')
  const { keyId } = useParams({ from: '/app/settings/api-keys/$keyId/refused-calls' })
  const close = useClose('/settings/api-keys')
  const key = useQuery(keyQuery(keyId))
  const foot = (
    <Buttons>
      <Button variant="default" onClick={close}>
        {t('refused.close')}
      </Button>
    </Buttons>
  )
  const title = key.data ? t('refused.titleOf', { name: key.data.name }) : t('refused.title')
  return (
    <Dialog title={title} onClose={close} width={880} foot={foot}>
      <Ready query={key} loading={<Loading lines={5} height={28} />}>
        {(of) => <List of={of} />}
      </Ready>
    </Dialog>
  )
}

function List({ of }: { of: Key }) {
  const { t } = useTranslation('activity')
  const query = useInfiniteQuery(refusedQuery(of.id))
  // Without the catalog the text says less, so nothing waits for it.
  const actions = useQuery(catalogQuery).data?.actions ?? []
  return (
    <Ready query={query} loading={<Loading lines={5} height={28} />}>
      {({ pages }) => {
        const items = pages.flatMap((page) => page.items)
        if (items.length === 0) {
          return (
            <Empty icon={<IconShieldCheck />} title={t('refused.emptyTitle')}>
              {t('refused.emptyText')}
            </Empty>
          )
        }
        return (
          <>
            <p className={classes.lead}>{t('refused.lead')}</p>
            <p className={classes.lead} role="status">
              {query.hasNextPage
                ? t('refused.shownMore', { n: items.length })
                : t('refused.shown', { count: items.length })}
            </p>
            <ul className={classes.list}>
              {runs(items).map((run) => (
                <RefusedRun key={run[0].seq} run={run} of={of} actions={actions} />
              ))}
            </ul>
            <More query={query} text={t('older')} failed={t('olderFailed')} />
          </>
        )
      }}
    </Ready>
  )
}
