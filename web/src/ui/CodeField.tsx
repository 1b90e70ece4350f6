import { TextInput } from '@mantine/core'
import type { Ref } from 'react'
import classes from './CodeField.module.css'

type Props = {
  label: string
  value: string
  onChange: (text: string) => void
  error?: string | undefined
  disabled?: boolean
  ref?: Ref<HTMLInputElement>
}

/**
 * One field for a code of six digits: one stop for the keyboard, takes a paste
 * with spaces, and phones offer the code of the message that just came.
 */
export function CodeField({ label, value, onChange, error, disabled = false, ref }: Props) {
  return (
    <TextInput
      ref={ref}
      label={label}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      error={error}
      readOnly={disabled}
      size="lg"
      classNames={{ input: classes.input ?? '', label: classes.label ?? '', error: classes.error ?? '' }}
      name="code"
      inputMode="numeric"
      autoComplete="one-time-code"
      autoCapitalize="off"
      autoCorrect="off"
      spellCheck={false}
      required
      withAsterisk={false}
      data-autofocus=""
    />
  )
}
