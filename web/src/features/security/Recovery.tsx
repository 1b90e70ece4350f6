import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { Factors } from '@/api/types'
import { Notice } from '@/ui/Notice'

const over = { over: true }

/** How many recovery codes are left, and the way to new ones. */
export function Recovery({ of }: { of: Factors }) {
  const { t } = useTranslation('security')
  if (of.items.length === 0) return <p>{t('recovery.afterFactor')}</p>
  const left = of.recoveryLeft
  return (
    <>
      {left > 3 ? (
        <p>{t('recovery.left', { count: left })}</p>
      ) : (
        <Notice kind="warn" title={left > 0 ? t('recovery.left', { count: left }) : undefined}>
          {t(left > 0 ? 'recovery.few' : 'recovery.none')}
        </Notice>
      )}
      <div>
        <Button component={Link} to="/settings/security/recovery-codes" state={over} variant="default">
          {t('recovery.make')}
        </Button>
      </div>
    </>
  )
}
