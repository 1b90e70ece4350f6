import { Switch } from '@mantine/core'
import { IconLock } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useId } from 'react'
import { useTranslation } from 'react-i18next'
import { catalogQuery } from '@/api/queries'
import type { Action, PermissionName } from '@/api/types'
import { TextLink } from '@/ui/LinkButton'
import { five } from './edit'
import classes from './PermissionField.module.css'

type Props = { value: PermissionName[]; onToggle: (permission: PermissionName, on: boolean) => void }

/** The five permissions: what each allows, and the API methods that require it. Read is always on. */
export function PermissionField({ value, onToggle }: Props) {
  const { t } = useTranslation('keys')
  const actions = useQuery(catalogQuery).data?.actions
  return (
    <fieldset className={classes.field}>
      <legend className={classes.legend}>{t('column.permissions')}</legend>
      <div className={classes.rows}>
        {five.map((name) => (
          <Row
            key={name}
            name={name}
            on={value.includes(name)}
            actions={actions?.filter((a) => a.permission === name)}
            onToggle={(on) => onToggle(name, on)}
          />
        ))}
      </div>
    </fieldset>
  )
}

type RowProps = {
  name: PermissionName
  on: boolean
  actions: Action[] | undefined
  onToggle: (on: boolean) => void
}

function Row({ name, on, actions, onToggle }: RowProps) {
  const { t } = useTranslation('keys')
  const id = useId()
  const locked = name === 'read'
  return (
    <div className={classes.row} data-locked={locked || undefined}>
      <Switch
        id={id}
        aria-label={t(`permission.${name}.name`)}
        aria-describedby={`${id}-text`}
        checked={on}
        disabled={locked}
        onChange={(event) => onToggle(event.currentTarget.checked)}
        withThumbIndicator={false}
      />
      <div>
        <label htmlFor={id} className={classes.name}>
          {t(`permission.${name}.name`)}
        </label>
        {locked && <IconLock className={classes.lock} size={15} aria-hidden />}
        <p id={`${id}-text`} className={classes.text}>
          {t(`permission.${name}.text`)}
        </p>
        {actions && <Methods permission={name} actions={actions} />}
      </div>
    </div>
  )
}

function Methods({ permission, actions }: { permission: PermissionName; actions: Action[] }) {
  const { t } = useTranslation('keys')
  return (
    <details>
      <summary>{t('methods', { count: actions.length })}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, with the keyboard too */}
      <ul className={classes.methods} tabIndex={0} aria-label={t('methods', { count: actions.length })}>
        {actions.map((action) => (
          <li key={action.name}>
            <code>{action.name}</code>
            <span>{action.purpose}</span>
          </li>
        ))}
      </ul>
      {/* In a new tab: the form stays. */}
      <TextLink to="/methods" search={{ permission }} target="_blank" inherit>
        {t('methodsPage', { permission: t(`permission.${permission}.name`) })}
      </TextLink>
    </details>
  )
}
