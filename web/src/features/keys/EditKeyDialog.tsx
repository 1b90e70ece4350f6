import { Button, Checkbox, Stack } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useReducer } from 'react'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import { toProblem } from '@/api/problem'
import { sessionQuery } from '@/api/queries'
import type { Key } from '@/api/types'
import { useStepUp } from '@/features/stepup/useStepUp'
import { Buttons } from '@/ui/Buttons'
import { Dialog } from '@/ui/Dialog'
import { TextLink } from '@/ui/LinkButton'
import { Notice } from '@/ui/Notice'
import { AllowlistField } from './AllowlistField'
import { ChangedNotice } from './ChangedNotice'
import { Diff } from './Diff'
import classes from './EditKeyDialog.module.css'
import { begin, difference, type Edit, obstacle, patch, reduce } from './edit'
import { PermissionField } from './PermissionField'
import { beginEdit } from './queries'
import { WithKey } from './WithKey'

/** Settings > API Keys Management > Edit. */
export function EditKeyDialog() {
  const { t } = useTranslation('keys')
  return <WithKey title={t('edit')}>{(key, close) => <Form key={key.id} of={key} onClose={close} />}</WithKey>
}

function Form({ of, onClose }: { of: Key; onClose: () => void }) {
  const { t } = useTranslation('keys')
  const navigate = useNavigate()
  const [state, dispatch] = useReducer(reduce, of, begin)
  const mine = useQuery(sessionQuery).data?.session.ip
  const save = async () => {
    dispatch({ type: 'saving' })
    try {
      const step = await beginEdit(state.base, patch(state))
      dispatch({ type: 'opened' })
      proof.open(step)
    } catch (error) {
      dispatch({ type: 'refused', problem: toProblem(error) })
    }
  }
  const proof = useStepUp({
    operations: ['edit'],
    onConfirmed: () =>
      void navigate({
        to: '/settings/api-keys/$keyId/activate',
        params: { keyId: of.id },
        state: { over: true, edited: true },
        replace: true,
      }),
    onAgain: () => void save(),
  })
  return (
    <Dialog
      title={t('editTitle', { name: of.name })}
      onClose={onClose}
      width={680}
      foot={
        <Foot
          state={state}
          onTick={(on) => dispatch({ type: 'acknowledged', on })}
          onSave={() => void save()}
          onCancel={onClose}
        />
      }
    >
      <Stack gap="lg">
        <ChangedNotice state={state} newest={of} onRenew={(key, keep) => dispatch({ type: 'renewed', key, keep })} />
        <Trouble state={state} />
        <PermissionField
          value={state.permissions}
          onToggle={(permission, on) => dispatch({ type: 'toggled', permission, on })}
        />
        <AllowlistField texts={state.texts} onChange={(texts) => dispatch({ type: 'listed', texts })} mine={mine} />
        <Diff of={difference(state)} />
        {of.status === 'active' && <StopInstead of={of} />}
      </Stack>
      {proof.dialog}
    </Dialog>
  )
}

function Trouble({ state }: { state: Edit }) {
  const explain = useExplain()
  if (!state.trouble || state.name !== 'editing') return null
  return <Notice kind="bad">{explain(state.trouble).text}</Notice>
}

/** "Only want to stop this key for a while?" */
function StopInstead({ of }: { of: Key }) {
  const { t } = useTranslation('keys')
  return (
    <p className={classes.instead}>
      {t('stopInstead')}{' '}
      <TextLink
        inherit
        to="/settings/api-keys/$keyId/deactivate"
        params={{ keyId: of.id }}
        state={{ over: true }}
        replace
      >
        {t('stopInsteadLink')}
      </TextLink>
    </p>
  )
}

type FootProps = { state: Edit; onTick: (on: boolean) => void; onSave: () => void; onCancel: () => void }

/** The acknowledgement; once it is ticked, Save and Cancel. */
function Foot({ state, onTick, onSave, onCancel }: FootProps) {
  const { t } = useTranslation('keys')
  const why = state.name === 'changed' ? 'changed' : obstacle(state)
  const blocked = why !== null || state.name === 'gone'
  return (
    <Stack gap="sm">
      <Checkbox
        label={t('acknowledge')}
        checked={state.acknowledged}
        onChange={(event) => onTick(event.currentTarget.checked)}
      />
      {state.acknowledged && (
        <Buttons why={{ id: 'why-not', text: why && t(`obstacle.${why}`) }}>
          <Button variant="default" onClick={onCancel}>
            {t('cancel')}
          </Button>
          <Button onClick={onSave} loading={state.name === 'saving'} disabled={blocked} aria-describedby="why-not">
            {t('save')}
          </Button>
        </Buttons>
      )}
    </Stack>
  )
}
