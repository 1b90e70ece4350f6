import { useQueryClient } from '@tanstack/react-query'
import { useRouter, useSearch } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { sessionQuery } from '@/api/queries'
import { TextLink } from '@/ui/LinkButton'
import { Door } from './Door'
import { SignInForm } from './SignInForm'

/** The door. Afterwards it goes on to the view that was asked for. */
export function SignInPage() {
  const { t } = useTranslation('session')
  const { to } = useSearch({ from: '/sign-in' })
  const router = useRouter()
  const cache = useQueryClient()
  const done = async () => {
    await cache.resetQueries({ queryKey: sessionQuery.queryKey })
    router.history.replace(localPath(to))
  }
  return (
    <Door title={t('signInTitle')}>
      <SignInForm
        onDone={() => void done()}
        under={
          <TextLink to="/forgot" size="sm" underline="hover">
            {t('forgotten')}
          </TextLink>
        }
      />
    </Door>
  )
}

/** A path of this site only: "//elsewhere" and "/\\elsewhere" would leave it (CWE-601). */
export function localPath(to: string | undefined): string {
  return to && /^\/(?![/\\])/.test(to) ? to : '/'
}
