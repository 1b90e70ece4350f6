import { type ReactNode, useEffect, useRef } from 'react'
import { useTitle } from '@/lib/title'
import { Brand } from '@/ui/Brand'
import classes from './Door.module.css'

/** The frame of a page for who is not signed in. */
export function Door({ title, children }: { title: string; children: ReactNode }) {
  const page = useRef<HTMLElement>(null)
  useTitle(title)
  // Nothing else is on these pages: what is typed first has the focus.
  useEffect(() => page.current?.querySelector('input')?.focus(), [])
  return (
    <main ref={page} className={classes.page} id="content">
      <Brand size={30} />
      <div className={classes.card}>
        <h1 className={classes.title}>{title}</h1>
        {children}
      </div>
    </main>
  )
}
