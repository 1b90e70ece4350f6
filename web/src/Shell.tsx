import { ActionIcon, Button, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { IconLogout, IconMenu2, IconMoon, IconSun, IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { Link, Outlet, useLocation } from '@tanstack/react-router'
import { useEffect, useState, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { reachable } from '@/api/client'
import { sessionQuery } from '@/api/queries'
import { SessionLost } from '@/features/session/SessionLost'
import { useSignOut } from '@/features/session/useSignOut'
import { useSignal } from '@/lib/signal'
import { Brand } from '@/ui/Brand'
import { Notes } from '@/ui/Notes'
import classes from './Shell.module.css'

/** The views, in the order of the navigation. Some exist for the owner only. */
const views = [
  { to: '/settings/api-keys', text: 'keys', owner: true },
  { to: '/methods', text: 'methods', owner: false },
  { to: '/activities', text: 'activities', owner: true },
  { to: '/settings/security', text: 'security', owner: false },
] as const

/** What surrounds every view of a signed-in member. */
export function Shell() {
  const { t } = useTranslation('shell')
  return (
    <>
      <a href="#content" className={classes.skip}>
        {t('skip')}
      </a>
      <Header />
      <Offline />
      <Outlet />
      <SessionLost />
      <Notes />
    </>
  )
}

function Header() {
  const { t } = useTranslation('shell')
  const me = useQuery(sessionQuery).data
  const signOut = useSignOut()
  const [open, setOpen] = useState(false)
  const path = useLocation({ select: (l) => l.pathname })
  // biome-ignore lint/correctness/useExhaustiveDependencies: the menu of a phone closes when the view changes
  useEffect(() => setOpen(false), [path])
  useEffect(() => {
    if (!open) return
    const key = (event: KeyboardEvent) => event.key === 'Escape' && setOpen(false)
    addEventListener('keydown', key)
    return () => removeEventListener('keydown', key)
  }, [open])
  const owner = me?.member.role === 'owner'
  return (
    <header className={classes.header}>
      <div className={classes.bar}>
        <Link to="/" className={classes.home} aria-label={t('home')}>
          <Brand />
        </Link>
        <ActionIcon
          variant="subtle"
          color="gray"
          c="inherit"
          size="xl"
          className={classes.burger}
          aria-expanded={open}
          aria-controls="menu"
          aria-label={t(open ? 'closeMenu' : 'openMenu')}
          onClick={() => setOpen(!open)}
        >
          {open ? <IconX aria-hidden /> : <IconMenu2 aria-hidden />}
        </ActionIcon>
        <div className={classes.menu} id="menu" data-open={open || undefined}>
          <nav aria-label={t('navigation')}>
            <ul className={classes.links}>
              {views
                .filter((view) => owner || !view.owner)
                .map((view) => (
                  <li key={view.to}>
                    <Link to={view.to} className={classes.link}>
                      {t(view.text)}
                    </Link>
                  </li>
                ))}
            </ul>
          </nav>
          <div className={classes.me}>
            <span className={classes.who}>
              <bdi>{me?.account?.name}</bdi>
              <small>{me?.member.email}</small>
            </span>
            <span className={classes.acts}>
              <Scheme />
              <Button
                variant="subtle"
                color="gray"
                c="inherit"
                size="compact-sm"
                px={8}
                leftSection={<IconLogout size={18} aria-hidden />}
                loading={signOut.isPending}
                onClick={() => signOut.mutate()}
              >
                {t('signOut')}
              </Button>
            </span>
          </div>
        </div>
      </div>
    </header>
  )
}

function Scheme() {
  const { t } = useTranslation('shell')
  const { setColorScheme } = useMantineColorScheme()
  const dark = useComputedColorScheme('light') === 'dark'
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      c="inherit"
      size="lg"
      aria-label={t(dark ? 'toLight' : 'toDark')}
      title={t(dark ? 'toLight' : 'toDark')}
      onClick={() => setColorScheme(dark ? 'light' : 'dark')}
    >
      {dark ? <IconSun size={18} aria-hidden /> : <IconMoon size={18} aria-hidden />}
    </ActionIcon>
  )
}

/** Says why nothing new arrives. Everything that was read stays on the screen. */
function Offline() {
  const { t } = useTranslation('shell')
  const online = useSyncExternalStore(watchNetwork, () => navigator.onLine)
  const reached = useSignal(reachable)
  return (
    <div role="status">
      {(!online || !reached) && <p className={classes.offline}>{t(online ? 'unreachable' : 'offline')}</p>}
    </div>
  )
}

function watchNetwork(changed: () => void): () => void {
  addEventListener('online', changed)
  addEventListener('offline', changed)
  return () => {
    removeEventListener('online', changed)
    removeEventListener('offline', changed)
  }
}
