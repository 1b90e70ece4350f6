import type { ReactNode } from 'react'
import classes from './Buttons.module.css'

/** The buttons of a pop-up: the main one last, as wide as a thumb needs on a phone. */
export function Buttons({ children }: { children: ReactNode }) {
  return <div className={classes.buttons}>{children}</div>
}
