import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, Outlet } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { factorsQuery } from '@/api/queries'
import { Ready } from '@/api/Ready'
import { Page } from '@/ui/Page'
import { AddFactor } from './AddFactor'
import { FactorList } from './FactorList'
import { Recovery } from './Recovery'
import { Section } from './Section'
import { Sessions } from './Sessions'

/** Settings > Security: second factors, recovery codes, password, sessions. */
export function SecurityPage() {
  const { t } = useTranslation('security')
  const factors = useQuery(factorsQuery)
  return (
    <Page title={t('title')} path={t('path')} lead={t('lead')}>
      <Section title={t('factors')} lead={t('factorsLead')}>
        <Ready query={factors}>
          {({ items, offered }) => (
            <>
              {items.length > 0 && <FactorList items={items} />}
              <AddFactor offered={offered} none={items.length === 0} />
            </>
          )}
        </Ready>
      </Section>
      <Section title={t('recovery.title')} lead={t('recovery.lead')}>
        <Ready query={factors}>{(data) => <Recovery of={data} />}</Ready>
      </Section>
      <Section
        title={t('password.title')}
        lead={t('password.lead')}
        action={
          <Button component={Link} to="/settings/security/password" state={over} variant="default">
            {t('password.change')}
          </Button>
        }
      />
      <Section title={t('sessions.title')} lead={t('sessions.lead')}>
        <Sessions />
      </Section>
      <Outlet />
    </Page>
  )
}

/** Pop-ups of this page are closed by one step back. */
const over = { over: true }
