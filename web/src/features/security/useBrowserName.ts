import { useTranslation } from 'react-i18next'
import { browserOf } from './browser'

/** "Chrome on Linux", as far as it can be told. */
export function useBrowserName(agent: string): string {
  const { t } = useTranslation('security')
  const { browser, system } = browserOf(agent)
  if (browser && system) return t('sessions.browserOn', { browser, system })
  return browser ?? system ?? t('sessions.unknown')
}
