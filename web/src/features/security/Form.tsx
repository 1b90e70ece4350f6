import { Button } from '@mantine/core'
import type { FormEvent, ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Buttons } from '@/ui/Buttons'
import classes from './Form.module.css'

type Props = {
  busy: boolean
  ready: boolean
  /** The word on the button. */
  act: string
  danger?: boolean
  onSubmit: () => void
  onCancel: () => void
  children: ReactNode
}

/** The fields of a pop-up of this page, with Cancel and what it is for. */
export function Form({ busy, ready, act, danger = false, onSubmit, onCancel, children }: Props) {
  const { t } = useTranslation('security')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!busy && ready) onSubmit()
  }
  return (
    <form className={classes.form} onSubmit={submit}>
      {children}
      <Buttons>
        <Button variant="default" onClick={onCancel}>
          {t('cancel')}
        </Button>
        <Button type="submit" loading={busy} disabled={!ready} color={danger ? 'red.8' : undefined}>
          {act}
        </Button>
      </Buttons>
    </form>
  )
}
