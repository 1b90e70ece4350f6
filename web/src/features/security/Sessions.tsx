import { Button } from '@mantine/core'
import { IconDeviceDesktop, IconDeviceMobile } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import { disarmGate } from '@/api/gate'
import { refresh } from '@/api/queries'
import { Ready } from '@/api/Ready'
import type { Session } from '@/api/types'
import { notify } from '@/ui/Notes'
import { Notice } from '@/ui/Notice'
import { Time } from '@/ui/Time'
import { isPhone } from './browser'
import { endSession, sessionsQuery, signOut } from './queries'
import classes from './Sessions.module.css'
import { useBrowserName } from './useBrowserName'

/** Where the member is signed in, this browser first, with the way out of each. */
export function Sessions() {
  const { t } = useTranslation('security')
  const query = useQuery(sessionsQuery)
  return (
    <Ready query={query}>
      {({ items }) => (
        <ul className={classes.list} aria-label={t('sessions.title')}>
          {items
            .toSorted((a, b) => Number(b.current) - Number(a.current) || b.lastSeen.localeCompare(a.lastSeen))
            .map((session) => (
              <Row key={session.id} session={session} />
            ))}
        </ul>
      )}
    </Ready>
  )
}

function Row({ session }: { session: Session }) {
  const { t } = useTranslation('security')
  const explain = useExplain()
  const name = useBrowserName(session.userAgent)
  const end = useEnd(session)
  const Icon = isPhone(session.userAgent) ? IconDeviceMobile : IconDeviceDesktop
  return (
    <li className={classes.row}>
      <Icon size={22} className={classes.icon} aria-hidden />
      <div className={classes.what}>
        <div className={classes.title}>
          <span className={classes.name} title={session.userAgent}>
            {name}
          </span>
          {session.current && <span className={classes.here}>{t('sessions.here')}</span>}
          {!session.full && <span className={classes.half}>{t('sessions.half')}</span>}
        </div>
        <p className={classes.facts}>
          <span className={classes.ip}>{session.ip}</span>
          <span>
            {t('sessions.opened')} <Time at={session.createdAt} />
          </span>
          <span>
            {t('sessions.seen')} {session.current ? t('sessions.now') : <Time at={session.lastSeen} relative />}
          </span>
        </p>
        {end.isError && <Notice kind="bad">{explain(end.error).text}</Notice>}
      </div>
      <Button
        variant="default"
        size="compact-sm"
        loading={end.isPending}
        onClick={() => end.mutate()}
        aria-label={t('sessions.signOutOf', { browser: name, ip: session.ip })}
      >
        {t('sessions.signOut')}
      </Button>
    </li>
  )
}

/** Ends a session. With the present one the page is loaded anew, so that nothing of it stays in memory. */
function useEnd(session: Session) {
  const { t } = useTranslation('security')
  const cache = useQueryClient()
  return useMutation({
    mutationFn: () => (session.current ? signOut() : endSession(session)),
    onSuccess: () => {
      if (session.current) {
        disarmGate()
        location.assign('/sign-in')
        return
      }
      notify(t('sessions.done'))
      void refresh(cache)
    },
  })
}
