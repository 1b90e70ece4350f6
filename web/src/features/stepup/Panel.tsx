import { Anchor, Button, TextInput } from '@mantine/core'
import { type FormEvent, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import type { Outcome, Step } from '@/api/types'
import { useNow } from '@/lib/useNow'
import { CodeField } from '@/ui/CodeField'
import { Notice } from '@/ui/Notice'
import { Choices } from './Choices'
import { CodeTimer } from './CodeTimer'
import { Over } from './Over'
import classes from './Panel.module.css'
import { complete, digits, endingAt, timing } from './reducer'
import { useProof } from './useProof'

type Props = {
  step: Step
  /** Where an e-mail code was sent. */
  email: string | undefined
  onConfirmed: (outcome: Outcome) => void
  onCancel: () => void
  /** Begins the same operation anew, when this pending is over. */
  onAgain?: (() => void) | undefined
}

/** Operations where a recovery code may stand in for a factor: to get in, and to replace what was lost. */
const recoverable: Step['operation'][] = ['sign_in', 'enrol_factor', 'remove_factor', 'recovery_renewal']

/** Asks for the proof of a pending: factor, code, countdown, another code, and what became of it. */
export function Panel({ step, email, onConfirmed, onCancel, onAgain }: Props) {
  const { t } = useTranslation('stepup')
  const explain = useExplain()
  const proof = useProof(step, onConfirmed)
  const { state } = proof
  const now = useNow(state.name !== 'over')
  const ending = endingAt(state, now)
  const field = useRef<HTMLInputElement>(null)
  // After a wrong code, a new code or another factor the next thing to do is to type.
  useEffect(() => {
    if (state.name === 'asking') field.current?.focus()
  }, [state.name])

  if (ending) return <Over ending={ending} state={state} onClose={onCancel} onAgain={onAgain} />
  if (state.name === 'choosing') return <Choices proof={proof} onCancel={onCancel} />

  const time = timing(state, now)
  const busy = state.name === 'checking' || state.name === 'sending'
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!busy && complete(state)) void proof.confirm()
  }
  const wrong = state.trouble?.code === 'wrong_code' ? t('wrong', { count: state.step.triesLeft }) : undefined
  const canRecover = recoverable.includes(state.step.operation) && state.step.proof === 'second_factor'
  return (
    <form className={classes.panel} onSubmit={submit}>
      {state.step.operation !== 'sign_in' && (
        <p className={classes.purpose}>
          <small>{t('purpose')}</small>
          <bdi>{state.step.summary}</bdi>
        </p>
      )}
      {time.expired ? (
        <Notice kind="warn" live>
          {state.step.sendsLeft > 0 ? t('expired') : t('expiredLast')}
        </Notice>
      ) : (
        <p>
          {state.recovery
            ? t('recoveryLead')
            : t(`lead.${state.step.factorKind ?? 'totp'}`, { to: where(state.step, email) })}
        </p>
      )}
      {state.trouble && !wrong && <Notice kind="bad">{explain(state.trouble).text}</Notice>}
      {state.recovery ? (
        <TextInput
          ref={field}
          label={t('recoveryCode')}
          value={state.code}
          onChange={(event) => proof.typed(event.currentTarget.value)}
          error={wrong}
          autoComplete="off"
          spellCheck={false}
          maxLength={40}
        />
      ) : (
        !time.expired && (
          <CodeField
            ref={field}
            label={t('code')}
            value={state.code}
            onChange={(text) => proof.typed(digits(text))}
            error={wrong}
            disabled={busy}
          />
        )
      )}
      <CodeTimer time={time} resent={state.resent} busy={busy} onResend={() => void proof.resend()} />
      <div className={classes.other}>
        {state.step.factors.length > 1 && !state.recovery && (
          <Anchor component="button" type="button" fz="sm" onClick={() => proof.choosing(true)}>
            {t('another')}
          </Anchor>
        )}
        {canRecover && (
          <Anchor component="button" type="button" fz="sm" onClick={() => proof.recovery(!state.recovery)}>
            {state.recovery ? t('useCode') : t('useRecovery')}
          </Anchor>
        )}
      </div>
      <div className={classes.buttons}>
        <Button variant="default" onClick={onCancel}>
          {t('cancel')}
        </Button>
        {time.expired && state.step.sendsLeft === 0 && onAgain ? (
          <Button onClick={onAgain}>{t('again')}</Button>
        ) : (
          <Button type="submit" loading={busy} disabled={!complete(state) || time.expired}>
            {t('confirm')}
          </Button>
        )}
      </div>
    </form>
  )
}

/** Where the code went, as the member knows it. */
function where(step: Step, email: string | undefined): string {
  if (step.factorKind === 'email') return email ?? ''
  return step.factors.find((f) => f.id === step.factorId)?.label ?? ''
}
