import { Button, TextInput } from '@mantine/core'
import { IconApi, IconSearch, IconSearchOff } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { catalogQuery } from '@/api/queries'
import { Ready } from '@/api/Ready'
import type { Catalog } from '@/api/types'
import { Empty } from '@/ui/Empty'
import { Card, Page } from '@/ui/Page'
import type { Kind } from './example'
import { allows, finds, grouped } from './filter'
import { Method } from './Method'
import classes from './MethodsPage.module.css'
import { PermissionFilter, toChoice } from './PermissionFilter'

/** What can be called, with what it needs and how it is called. What is searched, filtered and opened is in the URL. */
export function MethodsPage() {
  const { t } = useTranslation('methods')
  const catalog = useQuery(catalogQuery)
  return (
    <Page title={t('title')} lead={t('lead')}>
      <Ready query={catalog}>
        {(data) =>
          data.actions.length > 0 ? (
            <Methods catalog={data} />
          ) : (
            <Card>
              <Empty icon={<IconApi />} title={t('emptyTitle')}>
                {t('emptyText')}
              </Empty>
            </Card>
          )
        }
      </Ready>
    </Page>
  )
}

function Methods({ catalog }: { catalog: Catalog }) {
  const { t } = useTranslation('methods')
  const { q = '', permission, method } = useSearch({ from: '/app/methods' })
  const navigate = useNavigate({ from: '/methods' })
  const [kind, setKind] = useState<Kind>('ccxt')
  const choice = toChoice(catalog, permission)
  const searched = catalog.actions.filter((a) => finds(a, q))
  const shown = searched.filter((a) => allows(a, choice))
  const type = (text: string) => void navigate({ search: (old) => ({ ...old, q: text || undefined }), replace: true })
  const choose = (next: string | undefined) =>
    void navigate({ search: (old) => ({ ...old, permission: next }), replace: true })
  const open = (name: string) =>
    void navigate({ search: (old) => ({ ...old, method: old.method === name ? undefined : name }), replace: true })
  return (
    <>
      <div className={classes.filters}>
        <TextInput
          type="search"
          size="sm"
          className={classes.search}
          aria-label={t('search')}
          placeholder={t('searchHint')}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={q}
          onChange={(event) => type(event.currentTarget.value)}
        />
        <PermissionFilter catalog={catalog} searched={searched} choice={choice} onChoose={choose} />
      </div>
      <p className="sr-only" role="status">
        {t('found', { count: shown.length })}
      </p>
      {shown.length === 0 && (
        <Card>
          <Empty
            icon={<IconSearchOff />}
            title={t('noneTitle')}
            action={
              <Button variant="default" onClick={() => void navigate({ search: {}, replace: true })}>
                {t('reset')}
              </Button>
            }
          >
            {t('noneText')}
          </Empty>
        </Card>
      )}
      {grouped(shown).map(([group, actions]) => (
        <section key={group} className={classes.group} aria-label={group}>
          <h2 className={classes.heading}>{group}</h2>
          <Card>
            <ul className={classes.list}>
              {actions.map((action) => (
                <Method
                  key={action.name}
                  action={action}
                  permission={catalog.permissions.find((p) => p.name === action.permission)?.display}
                  gateway={catalog.gateway}
                  open={method === action.name}
                  onToggle={() => open(action.name)}
                  kind={kind}
                  onKind={setKind}
                />
              ))}
            </ul>
          </Card>
        </section>
      ))}
    </>
  )
}
