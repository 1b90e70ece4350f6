import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { Key } from '@/api/types'
import { count } from '@/lib/format'
import classes from './LiveLink.module.css'

/** How many WebSocket sessions are open with this key now, and the way to them. */
export function LiveLink({ of }: { of: Key }) {
  const { t } = useTranslation('live')
  const open = of.liveSessions
  if (open === undefined) return null // no gateway answered, or this is not the list
  const text = open === 0 ? t('none') : t('count', { count: open, n: count(open) })
  return (
    <Link
      to="/settings/api-keys/$keyId/sessions"
      params={{ keyId: of.id }}
      state={{ over: true }}
      className={classes.link}
      data-some={open > 0 || undefined}
      aria-label={t('of', { text, name: of.name })}
    >
      {text}
    </Link>
  )
}
