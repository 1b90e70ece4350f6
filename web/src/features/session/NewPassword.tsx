import { PasswordInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'

type Props = { label: string; value: string; onChange: (text: string) => void; error: string | undefined }

/** A password that is made here: its rules are shown before they are broken. */
export function NewPassword({ label, value, onChange, error }: Props) {
  const { t } = useTranslation('session')
  return (
    <PasswordInput
      label={label}
      description={t('newPassword.hint')}
      name="new-password"
      autoComplete="new-password"
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      error={error}
      aria-invalid={error !== undefined}
      visibilityToggleButtonProps={{ 'aria-label': t('showPassword') }}
      required
      withAsterisk={false}
    />
  )
}
