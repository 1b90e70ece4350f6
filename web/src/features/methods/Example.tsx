import { useId } from 'react'
import { useTranslation } from 'react-i18next'
import type { Action } from '@/api/types'
import { serverNow } from '@/lib/clock'
import { CopyButton } from '@/ui/CopyButton'
import classes from './Example.module.css'
import { example, type Kind, kindsOf, loadEnvironment, pathOf, setGateway, signs, target } from './example'

type Props = {
  action: Action
  /** Base URL of the gateway; absent when the operator did not say. */
  gateway: string | undefined
  kind: Kind
  onKind: (kind: Kind) => void
}

/** The example call of a method, for the client that the reader uses. The choice holds for all methods. */
export function Example({ action, gateway, kind, onKind }: Props) {
  const { t } = useTranslation('methods')
  const kinds = kindsOf(action)
  const shown = kinds.includes(kind) ? kind : kinds[0]
  if (!shown) return null
  const text = example(action, shown, serverNow())
  const client = t(`kind.${shown}`)
  return (
    <div className={classes.example}>
      <Notes action={action} />
      <Kinds kinds={kinds} shown={shown} onKind={onKind} />
      <Before action={action} kind={shown} gateway={gateway} />
      <div className={classes.block}>
        <div className={classes.bar}>
          <code className={classes.path}>{target(action, shown, gateway)}</code>
          <CopyButton text={text} word={t('copy')} label={t('copyExample', { name: action.name, client })} />
        </div>
        <pre className={classes.code}>
          <code>{text}</code>
        </pre>
      </div>
    </div>
  )
}

function Kinds({ kinds, shown, onKind }: { kinds: Kind[]; shown: Kind; onKind: (kind: Kind) => void }) {
  const { t } = useTranslation('methods')
  const name = useId()
  return (
    <fieldset className={classes.kinds}>
      <legend className="sr-only">{t('client')}</legend>
      {kinds.map((kind) => (
        <label key={kind} className={classes.kind}>
          <input type="radio" name={name} className="sr-only" checked={kind === shown} onChange={() => onKind(kind)} />
          {t(`kind.${kind}`)}
        </label>
      ))}
    </fieldset>
  )
}

/** What must be there before the example works. */
function Before({ action, kind, gateway }: Pick<Props, 'action' | 'kind' | 'gateway'>) {
  const { t } = useTranslation('methods')
  if (kind === 'ws') return <p className={classes.before}>{t('wsLead', { path: pathOf(action, kind) })}</p>
  const signed = signs(action, kind)
  return (
    <p className={classes.before}>
      {t(signed ? 'environment' : 'gatewayOnly')}{' '}
      <code className={classes.inline}>{signed ? loadEnvironment : setGateway(gateway)}</code>
    </p>
  )
}

/** What is particular about the method. */
function Notes({ action }: { action: Action }) {
  const { t } = useTranslation('methods')
  const open = action.publicRest || action.publicWs
  const keyed = action.rest || action.ws
  const notes = [
    action.deprecated && t('deprecatedNote'),
    action.mutating && t('mutatingNote'),
    open &&
      keyed &&
      t('publicNote', { path: action.publicRest ? `/api/rest-public/${action.name}` : '/api/ws-public' }),
    open && !keyed && t('onlyPublicNote'),
    !action.rest && !action.publicRest && t('onlyWsNote'),
  ].filter((note) => note !== false)
  return notes.length > 0 && <p className={classes.notes}>{notes.join(' ')}</p>
}
