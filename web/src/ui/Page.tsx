import type { ReactNode } from 'react'
import { useTitle } from '@/lib/title'
import classes from './Page.module.css'

type Props = {
  title: string
  /** Where the page stands: "Settings". */
  path?: string
  lead?: ReactNode
  actions?: ReactNode
  children: ReactNode
}

/** A view of the console: its heading, what it is for, its main act, its content. */
export function Page({ title, path, lead, actions, children }: Props) {
  useTitle(title)
  return (
    <main className={classes.page} id="content">
      <div className={classes.row}>
        <div>
          {path && <p className={classes.path}>{path} ›</p>}
          <h1 className={classes.title} tabIndex={-1}>
            {title}
          </h1>
          {lead && <p className={classes.lead}>{lead}</p>}
        </div>
        {actions}
      </div>
      {children}
    </main>
  )
}

/** A white surface on the page. */
export function Card({ children, label }: { children: ReactNode; label?: string }) {
  return (
    <section className={classes.card} aria-label={label}>
      {children}
    </section>
  )
}
