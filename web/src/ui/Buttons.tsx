import type { ReactNode } from 'react'
import classes from './Buttons.module.css'

type Props = {
  /** Why the main button cannot be pressed; its aria-describedby names the id. */
  why?: { id: string; text: string | null }
  children: ReactNode
}

/** The buttons of a pop-up: the main one last, as wide as a thumb needs on a phone. */
export function Buttons({ why, children }: Props) {
  const buttons = <div className={classes.buttons}>{children}</div>
  if (!why) return buttons
  return (
    <div className={classes.row}>
      <p className={classes.why} id={why.id} role="status">
        {why.text}
      </p>
      {buttons}
    </div>
  )
}
