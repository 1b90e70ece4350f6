import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconInfoCircle } from '@tabler/icons-react'
import { type ReactNode, useEffect, useRef } from 'react'
import classes from './Notice.module.css'

const icons = { info: IconInfoCircle, good: IconCircleCheck, warn: IconAlertTriangle, bad: IconCircleX }

type Props = {
  kind?: keyof typeof icons
  title?: string
  /** What can be done about it. */
  actions?: ReactNode
  /** Read out when it appears: for what answers an act. A notice that stands there from the start is silent. */
  live?: boolean
  children?: ReactNode
}

/** A framed remark: information, success, warning or error. */
export function Notice({ kind = 'info', title, actions, live = kind === 'bad', children }: Props) {
  const Icon = icons[kind]
  const box = useRef<HTMLDivElement>(null)
  // The answer to a button at the foot of a long form must not appear out of sight.
  useEffect(() => {
    if (live) box.current?.scrollIntoView({ block: 'nearest' })
  }, [live])
  return (
    <div
      ref={box}
      className={`${classes.notice} ${classes[kind]}`}
      role={live ? (kind === 'bad' ? 'alert' : 'status') : undefined}
    >
      <Icon className={classes.icon} size={18} aria-hidden />
      <div className={classes.text}>
        {title && <p className={classes.title}>{title}</p>}
        {children && <div>{children}</div>}
        {actions && <div className={classes.actions}>{actions}</div>}
      </div>
    </div>
  )
}
