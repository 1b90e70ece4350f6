import { Button } from '@mantine/core'
import { type UseQueryResult, useMutation, useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import { toProblem } from '@/api/problem'
import { Ready } from '@/api/Ready'
import { Brand } from '@/ui/Brand'
import { Loading } from '@/ui/Loading'
import { Notice } from '@/ui/Notice'
import { Page } from '@/ui/Page'
import { Alone, Fleet } from './Fleet'
import { HowTo } from './HowTo'
import classes from './NodesPage.module.css'
import { closeNodes, isShut, type Look, nodesQuery } from './queries'
import { type Stage, useStage } from './useStage'

/** The operator's page: the gateway nodes, by a link that is made on the server's own machine. */
export function NodesPage() {
  const { t } = useTranslation('nodes')
  const [stage, setStage] = useStage()
  const looking = stage === 'looking'
  const query = useQuery({ ...nodesQuery, enabled: looking })
  const shut = query.isError && isShut(query.error)
  return (
    <>
      <header className={classes.header}>
        <div className={classes.bar}>
          <Brand />
        </div>
      </header>
      <Page
        title={t('title')}
        lead={t('lead')}
        actions={looking && query.data && !shut && <Close onClosed={() => setStage('ended')} />}
      >
        {!looking ? (
          <Otherwise stage={stage} />
        ) : shut ? (
          <HowTo why={query.data ? 'ended' : 'needed'} />
        ) : (
          <Looking query={query} />
        )}
      </Page>
    </>
  )
}

/** What stands there while nobody looks. */
function Otherwise({ stage }: { stage: Exclude<Stage, 'looking'> }) {
  const { t } = useTranslation('nodes')
  const explain = useExplain()
  if (stage === 'opening') return <Loading lines={4} height={28} />
  if (stage === 'needed' || stage === 'ended') return <HowTo why={stage} />
  const { problem } = explain(stage)
  if (problem.status === 422) return <HowTo why="invalid" />
  return (
    <div className={classes.all}>
      <Notice kind="bad" title={t('notOpened')}>
        {explain(stage).text}
      </Notice>
      <HowTo why="needed" />
    </div>
  )
}

function Looking({ query }: { query: UseQueryResult<Look> }) {
  const { t } = useTranslation('nodes')
  const explain = useExplain()
  return (
    <div className={classes.all}>
      {query.isError && query.data && (
        <Notice kind="bad">
          {t('stale')} {explain(query.error).text}
        </Notice>
      )}
      <Ready query={query} loading={<Loading lines={4} height={28} />}>
        {(look) => (look.fleet.shared ? <Fleet look={look} /> : <Alone of={look.fleet} />)}
      </Ready>
    </div>
  )
}

function Close({ onClosed }: { onClosed: () => void }) {
  const { t } = useTranslation('nodes')
  const explain = useExplain()
  const close = useMutation({
    mutationFn: closeNodes,
    onSuccess: onClosed,
    onError: (error) => isShut(error) && onClosed(), // another tab was quicker
  })
  return (
    <div className={classes.close}>
      {close.isError && !isShut(close.error) && (
        <Notice kind="bad">
          {t('closeFailed')} {explain(toProblem(close.error)).text}
        </Notice>
      )}
      <Button variant="default" loading={close.isPending} onClick={() => close.mutate()}>
        {t('close')}
      </Button>
    </div>
  )
}
