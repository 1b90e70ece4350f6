import { Anchor, Button } from '@mantine/core'
import { type FormEvent, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import type { Outcome, Step } from '@/api/types'
import { WaitNote } from '@/api/WaitNote'
import { useNow } from '@/lib/useNow'
import { Notice } from '@/ui/Notice'
import { Choices } from './Choices'
import { CodeTimer } from './CodeTimer'
import { Over } from './Over'
import classes from './Panel.module.css'
import { ProofField } from './ProofField'
import { complete, endingAt, leadOf, timing, usesPasskey } from './reducer'
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

/** Operations that wait until every gateway node has the change. */
const ofKeys: Step['operation'][] = ['create', 'edit', 'activate', 'delete']

/** Asks for the proof of a pending: factor, code, countdown, another code, and what became of it. */
export function Panel({ step, email, onConfirmed, onCancel, onAgain }: Props) {
  const { t } = useTranslation('stepup')
  const explain = useExplain()
  const proof = useProof(step, onConfirmed)
  const { state } = proof
  const now = useNow(state.name !== 'over')
  const ending = endingAt(state, now)
  const field = useRef<HTMLInputElement>(null)
  const act = useRef<HTMLButtonElement>(null)
  // After a wrong code, a new code or another factor the next thing to do is to type; with a passkey, to press.
  useEffect(() => {
    if (state.name === 'asking') (field.current ?? act.current)?.focus()
  }, [state.name])

  if (ending) return <Over ending={ending} state={state} onClose={onCancel} onAgain={onAgain} />
  if (state.name === 'choosing') return <Choices proof={proof} onCancel={onCancel} />

  const time = timing(state, now)
  const busy = state.name === 'checking' || state.name === 'sending'
  const passkey = usesPasskey(state)
  const ready = passkey || (complete(state) && !time.expired)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (busy || !ready) return
    void (passkey ? proof.passkey() : proof.confirm())
  }
  const wrong =
    state.trouble?.code === 'wrong_code'
      ? t(passkey ? 'wrongPasskey' : 'wrong', { count: state.step.triesLeft })
      : undefined
  // At a sign-in there is nothing else; of a new app the title and the picture tell.
  const known = state.step.operation === 'sign_in' || state.step.enrolment !== undefined
  const canRecover = recoverable.includes(state.step.operation) && state.step.proof === 'second_factor'
  return (
    <form className={classes.panel} onSubmit={submit}>
      {!known && (
        <p className={classes.purpose}>
          <small>{t(passkey ? 'purposePasskey' : 'purpose')}</small>
          <bdi>{state.step.summary}</bdi>
        </p>
      )}
      {time.expired ? (
        <Notice kind="warn" live>
          {state.step.sendsLeft > 0 ? t('expired') : t('expiredLast')}
        </Notice>
      ) : (
        <p>{state.recovery ? t('recoveryLead') : t(`lead.${leadOf(state.step)}`, { to: where(state.step, email) })}</p>
      )}
      {state.trouble && (passkey || !wrong) && <Notice kind="bad">{wrong ?? explain(state.trouble).text}</Notice>}
      {!passkey && !(time.expired && !state.recovery) && (
        <ProofField ref={field} proof={proof} error={wrong} busy={busy} />
      )}
      <WaitNote busy={state.name === 'checking' && ofKeys.includes(state.step.operation)} />
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
        {time.expired && state.step.sendsLeft > 0 ? (
          <Button ref={act} loading={busy} onClick={() => void proof.resend()}>
            {t('newCode')}
          </Button>
        ) : time.expired && onAgain ? (
          <Button onClick={onAgain}>{t('again')}</Button>
        ) : (
          <Button ref={act} type="submit" loading={busy} disabled={!ready}>
            {t(passkey ? (state.step.passkey?.create ? 'createPasskey' : 'usePasskey') : 'confirm')}
          </Button>
        )}
      </div>
    </form>
  )
}

/** Where the code went, as the member knows it. */
function where(step: Step, email: string | undefined): string {
  if (step.factorKind === 'email') return email ?? ''
  // A phone number stays on one line.
  return step.factors.find((f) => f.id === step.factorId)?.label.replaceAll(' ', '\u00a0') ?? ''
}
