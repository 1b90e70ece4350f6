import { IconChevronDown } from '@tabler/icons-react'
import { useEffect, useId, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import type { Action } from '@/api/types'
import { Example } from './Example'
import type { Kind } from './example'
import { transports } from './filter'
import classes from './Method.module.css'

type Props = {
  action: Action
  /** The display name of the required permission; absent when no key can call it. */
  permission: string | undefined
  gateway: string | undefined
  open: boolean
  onToggle: () => void
  kind: Kind
  onKind: (kind: Kind) => void
}

/** One method: what it needs and costs, and, opened, how it is called. */
export function Method({ action, permission, gateway, open, onToggle, kind, onKind }: Props) {
  const { t } = useTranslation('methods')
  const row = useRef<HTMLLIElement>(null)
  const panel = useId()
  useLinked(row, open)
  return (
    <li ref={row} className={classes.method} data-open={open || undefined}>
      <div className={classes.row}>
        <h3 className={classes.name}>
          <button
            type="button"
            className={classes.toggle}
            aria-expanded={open}
            aria-controls={open ? panel : undefined}
            onClick={onToggle}
          >
            <IconChevronDown size={16} className={classes.chevron} aria-hidden />
            {action.name}
          </button>
        </h3>
        <p className={classes.purpose}>
          {action.purpose}
          {action.deprecated && <span className={classes.deprecated}>{t('deprecated')}</span>}
        </p>
        <Facts action={action} permission={permission} />
      </div>
      {open && (
        <div id={panel} className={classes.panel}>
          <Example action={action} gateway={gateway} kind={kind} onKind={onKind} />
        </div>
      )}
    </li>
  )
}

function Facts({ action, permission }: Pick<Props, 'action' | 'permission'>) {
  const { t } = useTranslation('methods')
  const { rest, ws } = transports(action)
  return (
    <ul className={classes.facts}>
      <li className={classes.tag} data-permission={action.permission ?? 'none'}>
        {permission ? (
          <>
            <span className="sr-only">{t('needs', { permission })}</span>
            <span aria-hidden>{permission}</span>
          </>
        ) : (
          t('needsNothing')
        )}
      </li>
      <li className={classes.cost} title={t(permission ? 'pointsHint' : 'publicPointsHint')}>
        {t('points', { count: permission ? action.cost : action.publicCost })}
      </li>
      <li className={classes.transports}>{[rest && t('rest'), ws && t('ws')].filter(Boolean).join(', ')}</li>
    </ul>
  )
}

/** A method that the link names is brought into view when the page opens. */
function useLinked(row: { current: HTMLLIElement | null }, open: boolean) {
  const first = useRef(open)
  useEffect(() => {
    if (first.current) row.current?.scrollIntoView({ block: 'center' })
    first.current = false
  }, [row])
}
