import { useTranslation } from 'react-i18next'
import type { Action, Catalog } from '@/api/types'
import { allows, type Choice } from './filter'
import classes from './MethodsPage.module.css'

/** Reads the choice of the URL; a name that the catalog does not have shows everything. */
export function toChoice(catalog: Catalog, name: string | undefined): Choice | undefined {
  return name === 'public' ? 'public' : catalog.permissions.find((p) => p.name === name)?.name
}

type Props = {
  catalog: Catalog
  /** What the search has left; the numbers count these. */
  searched: Action[]
  choice: Choice | undefined
  onChoose: (choice: Choice | undefined) => void
}

/** One permission, all of them, or what needs no key. Radio buttons, so that the arrow keys move between them. */
export function PermissionFilter({ catalog, searched, choice, onChoose }: Props) {
  const { t } = useTranslation('methods')
  const options: { value: Choice | undefined; text: string }[] = [
    { value: undefined, text: t('all') },
    ...catalog.permissions.map((p) => ({ value: p.name, text: p.display })),
    { value: 'public', text: t('public') },
  ]
  return (
    <fieldset className={classes.choices}>
      <legend className="sr-only">{t('permission')}</legend>
      {options.map(({ value, text }) => (
        <label key={value ?? ''} className={classes.choice}>
          <input
            type="radio"
            name="permission"
            className="sr-only"
            checked={choice === value}
            onChange={() => onChoose(value)}
          />
          {text} <span className={classes.number}>{searched.filter((a) => allows(a, value)).length}</span>
        </label>
      ))}
    </fieldset>
  )
}
