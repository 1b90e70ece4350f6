import { useTranslation } from 'react-i18next'
import type { Key } from '@/api/types'
import { LinkButton } from '@/ui/LinkButton'

/** Opens a pop-up over the list: closing it is one step back. */
const over = { over: true }

/** Activate or Deactivate, Edit, Delete. */
export function KeyActions({ of, className }: { of: Key; className?: string | undefined }) {
  const { t } = useTranslation('keys')
  const params = { keyId: of.id }
  const active = of.status === 'active'
  const label = (act: string) => t('actOn', { act, name: of.name })
  return (
    <div className={className}>
      <LinkButton
        to={active ? '/settings/api-keys/$keyId/deactivate' : '/settings/api-keys/$keyId/activate'}
        params={params}
        state={over}
        variant={active ? 'default' : 'light'}
        size="compact-sm"
        aria-label={label(t(active ? 'deactivate' : 'activate'))}
      >
        {t(active ? 'deactivate' : 'activate')}
      </LinkButton>
      <LinkButton
        to="/settings/api-keys/$keyId/edit"
        params={params}
        state={over}
        variant="default"
        size="compact-sm"
        aria-label={label(t('edit'))}
      >
        {t('edit')}
      </LinkButton>
      <LinkButton
        to="/settings/api-keys/$keyId/delete"
        params={params}
        state={over}
        variant="subtle"
        c="var(--lk-bad)"
        color="red"
        size="compact-sm"
        aria-label={label(t('delete'))}
      >
        {t('delete')}
      </LinkButton>
    </div>
  )
}
