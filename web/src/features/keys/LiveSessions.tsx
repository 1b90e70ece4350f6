import { Button } from '@mantine/core'
import { IconPlugConnected } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import { Ready } from '@/api/Ready'
import type { Key, KeySession } from '@/api/types'
import { count } from '@/lib/format'
import { useNow } from '@/lib/useNow'
import { Buttons } from '@/ui/Buttons'
import { Dialog } from '@/ui/Dialog'
import { Empty } from '@/ui/Empty'
import { LinkButton, TextLink } from '@/ui/LinkButton'
import { Loading } from '@/ui/Loading'
import { Notice } from '@/ui/Notice'
import { LiveRow } from './LiveRow'
import classes from './LiveSessions.module.css'
import { liveQuery } from './queries'
import { WithKey } from './WithKey'

/** How often the list is read while it is looked at. */
const every = 3_000
/** For how long without a click. A list that is left open must not keep the member signed in for ever. */
const watch = 5 * 60_000

/** Settings > API Keys Management > Live sessions: what programs have open with a key, and the end of it. */
export function LiveSessions() {
  const { t } = useTranslation('live')
  return <WithKey title={t('title')}>{(key, close) => <Sessions key={key.id} of={key} onClose={close} />}</WithKey>
}

function Sessions({ of, onClose }: { of: Key; onClose: () => void }) {
  const { t } = useTranslation('live')
  const [said, setSaid] = useState<string>()
  const [watched, look] = useWatch()
  const query = useQuery({ ...liveQuery(of.id), refetchInterval: watched && every })
  const resume = () => {
    look()
    void query.refetch()
  }
  const foot = (
    <Buttons>
      <Button variant="default" onClick={onClose}>
        {t('close')}
      </Button>
    </Buttons>
  )
  return (
    <Dialog title={t('titleOf', { name: of.name })} onClose={onClose} width={880} foot={foot}>
      <Ready query={query} loading={<Loading lines={4} height={28} />}>
        {({ items }) => (
          <div className={classes.all}>
            {said && (
              <Notice kind="good" live>
                {said}
              </Notice>
            )}
            <Old failed={query.isError ? query.error : null} paused={!watched} onResume={resume} />
            {items.length === 0 ? <None of={of} /> : <List of={of} items={items} onAct={look} onEnded={setSaid} />}
          </div>
        )}
      </Ready>
    </Dialog>
  )
}

/** Whether somebody looks, and what says that somebody does. */
function useWatch(): [boolean, () => void] {
  const [seen, setSeen] = useState<number | null>(0) // counts the signs; null: none for too long
  useEffect(() => {
    if (seen === null) return
    const timer = setTimeout(() => setSeen(null), watch)
    return () => clearTimeout(timer)
  }, [seen])
  return [seen !== null, () => setSeen((n) => (n ?? 0) + 1)]
}

/** Says that what is shown may be over, and why. */
function Old({ failed, paused, onResume }: { failed: unknown; paused: boolean; onResume: () => void }) {
  const { t } = useTranslation('live')
  const explain = useExplain()
  if (!failed && !paused) return null
  const again = (
    <Button variant="default" size="xs" onClick={onResume}>
      {t('resume')}
    </Button>
  )
  return (
    <Notice kind={failed ? 'bad' : 'info'} actions={paused && again}>
      {failed ? `${t('stale')} ${explain(failed).text}` : t('paused')}
    </Notice>
  )
}

type ListProps = { of: Key; items: KeySession[]; onAct: () => void; onEnded: (text: string) => void }

function List({ of, items, onAct, onEnded }: ListProps) {
  const { t } = useTranslation('live')
  useNow() // "5 minutes ago" grows older
  return (
    <>
      <p className={classes.lead}>
        {t('lead')}{' '}
        <TextLink to="/settings/api-keys/$keyId/deactivate" params={{ keyId: of.id }} replace state={keep}>
          {t('deactivate')}
        </TextLink>
        .
      </p>
      <p className={classes.lead} role="status">
        {t('count', { count: items.length, n: count(items.length) })}
      </p>
      <table className={classes.table} aria-label={t('titleOf', { name: of.name })}>
        <thead>
          <tr>
            {(['address', 'since', 'messages', 'last', 'end'] as const).map((column) => (
              <th key={column} scope="col">
                {t(`column.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((session) => (
            <LiveRow key={session.id} of={of} session={session} onAct={onAct} onEnded={onEnded} />
          ))}
        </tbody>
      </table>
    </>
  )
}

/** The pop-up that takes the place of this one is closed like this one. */
const keep = (state: { over?: boolean }) => state

function None({ of }: { of: Key }): ReactNode {
  const { t } = useTranslation('live')
  const inactive = of.status === 'inactive'
  return (
    <Empty
      icon={<IconPlugConnected />}
      title={t('emptyTitle')}
      action={
        !inactive && (
          <LinkButton to="/methods" variant="default">
            {t('methods')}
          </LinkButton>
        )
      }
    >
      {t(inactive ? 'emptyInactive' : 'emptyText')}
    </Empty>
  )
}
