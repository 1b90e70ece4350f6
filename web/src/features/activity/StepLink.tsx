import { Button } from '@mantine/core'
import { Link, useLocation } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { Step } from './mend'

const paths = {
  activate: '/settings/api-keys/$keyId/activate',
  deactivate: '/settings/api-keys/$keyId/deactivate',
  edit: '/settings/api-keys/$keyId/edit',
} as const

type Props = { step: Step; keyId: string; method: string | undefined }

/**
 * The way to the step. A pop-up of the key takes the place of this one, so
 * that closing it leads to the keys, as it would have from here.
 */
export function StepLink({ step, keyId, method }: Props) {
  const { t } = useTranslation('activity')
  const over = useLocation({ select: (l) => l.state.over === true })
  const root = (props: object) => {
    if (step === 'method' || step === 'methods') {
      return <Link {...props} to="/methods" search={step === 'method' ? { method } : {}} />
    }
    if (step === 'new') return <Link {...props} to="/settings/api-keys/new" replace state={{ over }} />
    return <Link {...props} to={paths[step]} params={{ keyId }} replace state={{ over }} />
  }
  return (
    <Button variant="light" size="compact-sm" renderRoot={root}>
      {t(`step.${step}`)}
    </Button>
  )
}
