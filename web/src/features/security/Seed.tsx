import { Anchor } from '@mantine/core'
import { QRCodeSVG } from 'qrcode.react'
import { useTranslation } from 'react-i18next'
import type { Step } from '@/api/types'
import { CopyButton } from '@/ui/CopyButton'
import { spaced } from './phone'
import classes from './Seed.module.css'

/** What the authenticator app needs: to be scanned, to be typed, or to be opened on the same device. */
export function Seed({ of }: { of: NonNullable<Step['enrolment']> }) {
  const { t } = useTranslation('security')
  return (
    <div className={classes.seed}>
      <p>{t('app.scan')}</p>
      <div className={classes.code}>
        <QRCodeSVG value={of.uri} size={168} marginSize={2} level="M" title={t('app.qr')} />
      </div>
      <p className={classes.open}>
        <Anchor href={of.uri}>{t('app.open')}</Anchor>
      </p>
      <p>{t('app.type')}</p>
      <p className={classes.text}>
        <code>{spaced(of.secret)}</code>
        <CopyButton text={of.secret} label={t('app.copySeed')} />
      </p>
    </div>
  )
}
