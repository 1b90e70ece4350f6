import { Button } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import { duration } from '@/lib/format'
import { Notice } from '@/ui/Notice'
import classes from './Panel.module.css'
import type { Ending, Proof } from './reducer'

type Props = { ending: Ending; state: Proof; onClose: () => void; onAgain: (() => void) | undefined }

/** Endings after which the same operation can be begun anew from the form that is still there. */
const repeatable: Ending[] = ['dead', 'waited', 'closed', 'session']

/** The pending is over: why, that nothing was changed, and the way back to the form. */
export function Over({ ending, state, onClose, onAgain }: Props) {
  const { t } = useTranslation('stepup')
  const explain = useExplain()
  const { createdAt, expiresAt } = state.step
  const waited = duration((Date.parse(expiresAt) - Date.parse(createdAt)) / 1000)
  const lostSecret = ending === 'confirmed' && state.step.operation === 'create'
  return (
    <div className={classes.panel}>
      <Notice kind={ending === 'confirmed' ? 'info' : 'bad'} live title={t(`over.${ending}.title`)}>
        {ending === 'refused' && state.trouble ? explain(state.trouble).text : t(`over.${ending}.text`, { waited })}
        {lostSecret && ` ${t('over.lostSecret')}`}
      </Notice>
      <div className={classes.buttons}>
        <Button variant="default" onClick={onClose} data-autofocus="">
          {t('back')}
        </Button>
        {onAgain && repeatable.includes(ending) && <Button onClick={onAgain}>{t('again')}</Button>}
      </div>
    </div>
  )
}
