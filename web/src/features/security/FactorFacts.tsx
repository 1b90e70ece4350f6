import { useTranslation } from 'react-i18next'
import type { Factor } from '@/api/types'
import { Time } from '@/ui/Time'
import classes from './FactorFacts.module.css'

/** The factor's data in the pop-up that asks about it. */
export function FactorFacts({ of }: { of: Factor }) {
  const { t } = useTranslation('security')
  return (
    <dl className={classes.facts}>
      <dt>{t('removal.factor')}</dt>
      <dd>
        <bdi>{nameOf(of, t(`kind.${of.kind}`))}</bdi>
      </dd>
      <dt>{t('added')}</dt>
      <dd>
        <Time at={of.createdAt} />
      </dd>
      <dt>{t('used')}</dt>
      <dd>{of.lastUsed ? <Time at={of.lastUsed} relative /> : t('never')}</dd>
    </dl>
  )
}

/** "Phone +35 ... 78"; an app whose label says the kind already is not named twice. */
export function nameOf(factor: Factor, kind: string): string {
  return factor.label === kind ? kind : `${kind} ${factor.label}`
}
