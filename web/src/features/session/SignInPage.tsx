import { useQueryClient } from '@tanstack/react-query'
import { useRouter, useSearch } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { sessionQuery } from '@/api/queries'
import { useTitle } from '@/lib/title'
import { Brand } from '@/ui/Brand'
import { TextLink } from '@/ui/LinkButton'
import { SignInForm } from './SignInForm'
import classes from './SignInPage.module.css'

/** The door. Afterwards it goes on to the view that was asked for. */
export function SignInPage() {
  const { t } = useTranslation('session')
  const { to } = useSearch({ from: '/sign-in' })
  const router = useRouter()
  const cache = useQueryClient()
  useTitle(t('signIn'))
  const done = async () => {
    await cache.resetQueries({ queryKey: sessionQuery.queryKey })
    router.history.replace(localPath(to))
  }
  return (
    <main className={classes.page} id="content">
      <Brand size={30} />
      <div className={classes.card}>
        <h1 className={classes.title}>{t('signInTitle')}</h1>
        <SignInForm
          onDone={() => void done()}
          under={
            <TextLink to="/forgot" size="sm">
              {t('forgotten')}
            </TextLink>
          }
        />
      </div>
    </main>
  )
}

/** A path of this site only: "//elsewhere" and "/\\elsewhere" would leave it (CWE-601). */
export function localPath(to: string | undefined): string {
  return to && /^\/(?![/\\])/.test(to) ? to : '/'
}
