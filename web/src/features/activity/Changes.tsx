import { useTranslation } from 'react-i18next'
import type { Change } from '@/api/types'
import { en } from '@/lib/i18n'
import classes from './Changes.module.css'
import { cut } from './filter'

type Field = keyof typeof en.activity.field
const isField = (name: string): name is Field => Object.hasOwn(en.activity.field, name)

/** The diff of an edit, old > new. A reader of the screen hears "was" and "is now". */
export function Changes({ of }: { of: Change[] }) {
  const { t } = useTranslation('activity')
  if (of.length === 0) return null
  return (
    <dl className={classes.changes}>
      {of.map((change) => (
        <div key={change.field} className={classes.change}>
          <dt>{isField(change.field) ? t(`field.${change.field}`) : change.field}</dt>
          <dd>
            <span className="sr-only">{t('was')} </span>
            <del>
              <Side text={change.old} />
            </del>
            <span aria-hidden> &gt; </span>
            <span className="sr-only">, {t('is')} </span>
            <ins>
              <Side text={change.new} />
            </ins>
          </dd>
        </div>
      ))}
    </dl>
  )
}

function Side({ text }: { text: string }) {
  const { t } = useTranslation('activity')
  const short = cut(text)
  return (
    <span title={short.more > 0 ? text : undefined}>
      {short.text} {short.more > 0 && t('more', { n: short.more })}
    </span>
  )
}
