import { useTranslation } from 'react-i18next'
import { Page } from '@/ui/Page'

export function SecurityPage() {
  const { t } = useTranslation('shell')
  return <Page title={t('security')}>{null}</Page>
}
