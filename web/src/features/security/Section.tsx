import { type ReactNode, useId } from 'react'
import classes from './Section.module.css'

type Props = { title: string; lead: string; action?: ReactNode; children?: ReactNode }

/** One subject of the page: what it is on the left, what there is on the right. */
export function Section({ title, lead, action, children }: Props) {
  const id = useId()
  return (
    <section className={classes.section} aria-labelledby={id}>
      <div className={classes.head}>
        <h2 id={id} className={classes.title}>
          {title}
        </h2>
        <p className={classes.lead}>{lead}</p>
      </div>
      <div className={classes.body}>
        {action && <div>{action}</div>}
        {children}
      </div>
    </section>
  )
}
