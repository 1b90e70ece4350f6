import type { ReactNode } from 'react'
import { useTitle } from '@/lib/title'
import { Brand } from '@/ui/Brand'
import classes from './SignInPage.module.css'

/** The frame of a page for who is not signed in. */
export function Door({ title, children }: { title: string; children: ReactNode }) {
  useTitle(title)
  return (
    <main className={classes.page} id="content">
      <Brand size={30} />
      <div className={classes.card}>
        <h1 className={classes.title}>{title}</h1>
        {children}
      </div>
    </main>
  )
}
