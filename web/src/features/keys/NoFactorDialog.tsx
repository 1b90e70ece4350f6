import { Button, Stack } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { Buttons } from '@/ui/Buttons'
import { Dialog } from '@/ui/Dialog'
import { LinkButton } from '@/ui/LinkButton'

/** A key cannot be made without a second factor: enable one now, or cancel. */
export function NoFactorDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation('keys')
  const foot = (
    <Buttons>
      <Button variant="default" onClick={onClose}>
        {t('cancel')}
      </Button>
      <LinkButton to="/settings/security" replace>
        {t('noFactor.enable')}
      </LinkButton>
    </Buttons>
  )
  return (
    <Dialog title={t('noFactor.title')} onClose={onClose} width={460} small foot={foot}>
      <Stack gap="sm">
        <p>{t('noFactor.text')}</p>
        <p>{t('noFactor.how')}</p>
      </Stack>
    </Dialog>
  )
}
