import { Button } from '@mantine/core'
import { IconDeviceMobileMessage, IconFingerprint, IconShieldLock } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import { Notice } from '@/ui/Notice'
import classes from './Panel.module.css'
import type { ProofActs } from './useProof'

const icons = { passkey: IconFingerprint, totp: IconShieldLock, sms: IconDeviceMobileMessage }

/** The second factors of the member. Choosing a phone sends a code to it. */
export function Choices({ proof, onCancel }: { proof: ProofActs; onCancel: () => void }) {
  const { t } = useTranslation('stepup')
  const explain = useExplain()
  const { step, trouble } = proof.state
  const pick = (id: string) => (id === step.factorId ? proof.choosing(false) : void proof.choose(id))
  return (
    <div className={classes.panel}>
      <p>{t('chooseLead')}</p>
      {trouble && <Notice kind="bad">{explain(trouble).text}</Notice>}
      <div className={classes.choices}>
        {step.factors.map((factor) => {
          const Icon = icons[factor.kind]
          return (
            <Button
              key={factor.id}
              variant="default"
              size="md"
              justify="flex-start"
              leftSection={<Icon size={20} aria-hidden />}
              onClick={() => pick(factor.id)}
            >
              {t(`kind.${factor.kind}`, { label: factor.label })}
            </Button>
          )
        })}
      </div>
      <div className={classes.buttons}>
        <Button variant="default" onClick={onCancel}>
          {t('cancel')}
        </Button>
      </div>
    </div>
  )
}
