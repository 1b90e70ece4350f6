import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import type { Factor } from '@/api/types'
import { Time } from '@/ui/Time'
import { nameOf } from './FactorFacts'
import classes from './FactorList.module.css'
import { icons } from './icons'

/** The second factors that are enrolled, with the way to remove each. */
export function FactorList({ items }: { items: Factor[] }) {
  const { t } = useTranslation('security')
  return (
    <ul className={classes.list} aria-label={t('factors')}>
      {items.map((factor) => (
        <Row key={factor.id} factor={factor} />
      ))}
    </ul>
  )
}

function Row({ factor }: { factor: Factor }) {
  const { t } = useTranslation('security')
  const Icon = icons[factor.kind]
  const name = nameOf(factor, t(`kind.${factor.kind}`))
  const remove = (props: object) => (
    <Link
      {...props}
      to="/settings/security/factors/$factorId/remove"
      params={{ factorId: factor.id }}
      state={{ over: true }}
    />
  )
  return (
    <li className={classes.row}>
      <Icon size={22} className={classes.icon} aria-hidden />
      <div className={classes.what}>
        <bdi className={classes.name}>{name}</bdi>
        <p className={classes.facts}>
          <span>
            {t('added')} <Time at={factor.createdAt} />
          </span>
          <span>
            {t('used')} {factor.lastUsed ? <Time at={factor.lastUsed} relative /> : t('never')}
          </span>
        </p>
      </div>
      <Button variant="default" size="compact-sm" renderRoot={remove} aria-label={t('removeOf', { label: name })}>
        {t('remove')}
      </Button>
    </li>
  )
}
