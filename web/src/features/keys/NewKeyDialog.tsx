import { Button, Stack, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type Dispatch, type FormEvent, useEffect, useReducer, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import { toProblem } from '@/api/problem'
import { factorsQuery, sessionQuery } from '@/api/queries'
import { Ready } from '@/api/Ready'
import { useStepUp } from '@/features/stepup/useStepUp'
import { randomText } from '@/lib/random'
import { useClose } from '@/lib/useClose'
import { Buttons } from '@/ui/Buttons'
import { Dialog } from '@/ui/Dialog'
import { Notice } from '@/ui/Notice'
import { AllowlistField } from './AllowlistField'
import { body, type Create, type Event, first, obstacle, reduce } from './create'
import { NoFactorDialog } from './NoFactorDialog'
import { PermissionField } from './PermissionField'
import { beginCreate } from './queries'
import { SecretDialog } from './SecretDialog'

/** "+ NEW API KEY": first a second factor, then the form, then the secret. */
export function NewKeyDialog() {
  const { t } = useTranslation('keys')
  const close = useClose('/settings/api-keys')
  const factors = useQuery(factorsQuery)
  const [state, dispatch] = useReducer(reduce, first)
  if (factors.data?.items.length === 0) return <NoFactorDialog onClose={close} />
  if (state.name === 'secret')
    return <SecretDialog state={state} onTick={(on) => dispatch({ type: 'saved', on })} onClose={close} />
  if (factors.data) return <Form state={state} dispatch={dispatch} onClose={close} />
  return (
    <Dialog title={t('newTitle')} onClose={close} width={680}>
      <Ready query={factors}>{() => null}</Ready>
    </Dialog>
  )
}

type FormProps = { state: Exclude<Create, { name: 'secret' }>; dispatch: Dispatch<Event>; onClose: () => void }

function Form({ state, dispatch, onClose }: FormProps) {
  const { t } = useTranslation('keys')
  const explain = useExplain()
  const mine = useQuery(sessionQuery).data?.session.ip
  const formId = 'new-key'
  const { form } = state
  const once = useOnce(JSON.stringify(body(form)))
  const save = async (anew: boolean) => {
    if (state.name === 'saving' || obstacle(form)) return
    dispatch({ type: 'saving' })
    try {
      const step = await beginCreate(body(form), once(anew))
      dispatch({ type: 'opened' })
      proof.open(step)
    } catch (error) {
      dispatch({ type: 'refused', problem: toProblem(error) })
    }
  }
  const proof = useStepUp({
    operations: ['create'],
    onConfirmed: ({ key, secret }) => key && secret && dispatch({ type: 'created', key, secret }),
    onAgain: () => void save(true),
    onCancelled: () => once(true),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void save(false)
  }
  const why = obstacle(form)
  const nameTrouble =
    state.trouble && ['name_taken', 'invalid_name'].includes(state.trouble.code)
      ? explain(state.trouble).text
      : undefined
  const named = useRef<HTMLInputElement>(null)
  // The name stands at the top of a long form; what is wrong with it must be seen.
  useEffect(() => {
    if (nameTrouble) named.current?.focus()
  }, [nameTrouble])
  const foot = (
    <Buttons why={{ id: 'why-not', text: why && t(`obstacle.${why}`) }}>
      <Button variant="default" onClick={onClose}>
        {t('cancel')}
      </Button>
      <Button
        type="submit"
        form={formId}
        loading={state.name === 'saving'}
        disabled={why !== null}
        aria-describedby="why-not"
      >
        {t('create')}
      </Button>
    </Buttons>
  )
  return (
    <Dialog title={t('newTitle')} onClose={onClose} width={680} foot={foot}>
      <form id={formId} onSubmit={submit}>
        <Stack gap="lg">
          {state.trouble && !nameTrouble && <Notice kind="bad">{explain(state.trouble).text}</Notice>}
          <TextInput
            ref={named}
            label={t('name')}
            description={t('nameHint')}
            value={form.name}
            onChange={(event) => dispatch({ type: 'named', name: event.currentTarget.value })}
            error={nameTrouble}
            maxLength={64}
            autoComplete="off"
            required
            withAsterisk={false}
            data-autofocus=""
          />
          <PermissionField
            value={form.permissions}
            onToggle={(permission, on) => dispatch({ type: 'toggled', permission, on })}
          />
          <AllowlistField texts={form.texts} onChange={(texts) => dispatch({ type: 'listed', texts })} mine={mine} />
        </Stack>
      </form>
      {proof.dialog}
    </Dialog>
  )
}

/**
 * One Idempotency-Key for one content, so that a request whose answer was lost
 * is not made twice. A pending that is over needs another one.
 */
function useOnce(content: string): (anew: boolean) => string {
  const kept = useRef({ content: '', key: '' })
  return (anew) => {
    if (anew || kept.current.content !== content) kept.current = { content, key: randomText() }
    return kept.current.key
  }
}
