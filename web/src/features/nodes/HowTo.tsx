import { IconLink, IconLinkOff } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { CopyButton } from '@/ui/CopyButton'
import { Card } from '@/ui/Page'
import classes from './NodesPage.module.css'

/** Why nothing is shown, and the command that opens the page. */
export function HowTo({ why }: { why: 'needed' | 'invalid' | 'ended' }) {
  const { t } = useTranslation('nodes')
  return (
    <Card>
      <div className={classes.howTo} role="status">
        <span className={classes.icon} aria-hidden>
          {why === 'needed' ? <IconLink /> : <IconLinkOff />}
        </span>
        <h2 className={classes.subtitle}>{t(`${why}Title`)}</h2>
        <p className={classes.dim}>{t(`${why}Text`)}</p>
        <p className={classes.command}>
          <code>{t('command')}</code>
          <CopyButton text={t('command')} label={t('copyCommand')} />
        </p>
        <p className={classes.small}>{t('elsewhere')}</p>
      </div>
    </Card>
  )
}
