import { PasswordInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import type { ProblemError } from '@/api/problem'
import { Notice } from '@/ui/Notice'

type Props = {
  value: string
  onChange: (text: string) => void
  trouble: ProblemError | null
  first?: boolean
}

const isWrong = (trouble: ProblemError | null) => trouble?.code === 'wrong_password'

/** The member's password, asked for again: an unlocked screen must not be enough. */
export function PasswordField({ value, onChange, trouble, first = false }: Props) {
  const { t } = useTranslation('security')
  const explain = useExplain()
  return (
    <PasswordInput
      label={t('password.confirm')}
      name="password"
      autoComplete="current-password"
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      error={isWrong(trouble) ? explain(trouble).text : undefined}
      aria-invalid={isWrong(trouble)}
      visibilityToggleButtonProps={{ 'aria-label': t('password.show') }}
      required
      withAsterisk={false}
      {...(first ? { 'data-autofocus': '' } : {})}
    />
  )
}

/** What went wrong, unless the field itself says it. */
export function Trouble({ of }: { of: ProblemError | null }) {
  const explain = useExplain()
  return of && !isWrong(of) ? <Notice kind="bad">{explain(of).text}</Notice> : null
}
