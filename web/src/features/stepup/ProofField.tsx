import { TextInput } from '@mantine/core'
import type { Ref } from 'react'
import { useTranslation } from 'react-i18next'
import { CodeField } from '@/ui/CodeField'
import { digits } from './reducer'
import type { ProofActs } from './useProof'

type Props = { ref: Ref<HTMLInputElement>; proof: ProofActs; error: string | undefined; busy: boolean }

/** Where the code is typed, or a recovery code. */
export function ProofField({ ref, proof, error, busy }: Props) {
  const { t } = useTranslation('stepup')
  const { recovery, code } = proof.state
  if (!recovery) {
    const typed = (text: string) => proof.typed(digits(text))
    return <CodeField ref={ref} label={t('code')} value={code} onChange={typed} error={error} disabled={busy} />
  }
  return (
    <TextInput
      ref={ref}
      label={t('recoveryCode')}
      value={code}
      onChange={(event) => proof.typed(event.currentTarget.value)}
      error={error}
      autoComplete="off"
      spellCheck={false}
      maxLength={40}
    />
  )
}
