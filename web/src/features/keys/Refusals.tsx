import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { Key } from '@/api/types'
import { count } from '@/lib/format'
import classes from './Refusals.module.css'

/** What the gateway refused of this key in the last day, hour by hour, and the way to the list. */
export function Refusals({ of }: { of: Key }) {
  const { t } = useTranslation('keys')
  const hours = of.refusedByHour
  if (!hours) return null // only the list tells
  const total = hours.reduce((sum, n) => sum + n, 0)
  const text = total === 0 ? t('refusedNone') : t('refused', { count: total, n: count(total) })
  return (
    <Link
      to="/settings/api-keys/$keyId/refused-calls"
      params={{ keyId: of.id }}
      state={{ over: true }}
      className={classes.link}
      data-some={total > 0 || undefined}
      aria-label={t('refusedOf', { text, name: of.name })}
    >
      {total > 0 && <Bars hours={hours} />}
      {text}
    </Link>
  )
}

function Bars({ hours }: { hours: number[] }) {
  const top = Math.max(...hours)
  return (
    <svg className={classes.chart} width={47} height={16} aria-hidden="true">
      {hours.map((n, i) => {
        const height = n === 0 ? 1 : Math.max(3, (16 * n) / top)
        // biome-ignore lint/suspicious/noArrayIndexKey: a slot is its place
        return <rect key={i} x={i * 2} y={16 - height} width={1} height={height} opacity={n === 0 ? 0.35 : 1} />
      })}
    </svg>
  )
}
