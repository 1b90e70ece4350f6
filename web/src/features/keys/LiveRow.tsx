import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useExplain } from '@/api/explain'
import { toProblem } from '@/api/problem'
import { refresh } from '@/api/queries'
import type { Key, KeySession } from '@/api/types'
import { count } from '@/lib/format'
import { Notice } from '@/ui/Notice'
import { Time } from '@/ui/Time'
import classes from './LiveSessions.module.css'
import { endKeySession } from './queries'

type Props = { of: Key; session: KeySession; onAct: () => void; onEnded: (text: string) => void }

/** One session, and the question before its end. */
export function LiveRow({ of, session, onAct, onEnded }: Props) {
  const { t } = useTranslation('live')
  const explain = useExplain()
  const end = useEnd(of, session, onEnded)
  return (
    <tr>
      <td data-label={t('column.address')} className={classes.mono}>
        {session.ip}
      </td>
      <td data-label={t('column.since')} className={classes.nowrap}>
        <Time at={session.since} relative />
      </td>
      <td data-label={t('column.messages')} className={classes.number}>
        {count(session.messages)}
      </td>
      <td data-label={t('column.last')}>
        <div>
          {session.lastAction && <span className={classes.mono}>{session.lastAction} </span>}
          <span className={classes.when}>
            {session.lastAction ? <Time at={session.lastAt} relative /> : t('noAction')}
          </span>
        </div>
        {end.isError && <Notice kind="bad">{explain(end.error).text}</Notice>}
      </td>
      <td className={classes.act}>
        <End ip={session.ip} busy={end.isPending} onAct={onAct} onEnd={() => end.mutate()} />
      </td>
    </tr>
  )
}

type EndProps = { ip: string; busy: boolean; onAct: () => void; onEnd: () => void }

function End({ ip, busy, onAct, onEnd }: EndProps) {
  const { t } = useTranslation('live')
  const [asked, setAsked] = useState<boolean>()
  const next = useRef<HTMLButtonElement>(null)
  // The button that was pressed is gone; the focus goes to what ends nothing.
  useEffect(() => {
    if (asked !== undefined) next.current?.focus()
  }, [asked])
  const ask = (on: boolean) => {
    onAct()
    setAsked(on)
  }
  if (!asked) {
    return (
      <Button ref={next} variant="default" size="compact-sm" onClick={() => ask(true)} aria-label={t('endOf', { ip })}>
        {t('end')}
      </Button>
    )
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would bring a frame and a legend
    <span className={classes.question} role="group" aria-label={t('endOf', { ip })}>
      <span>{t('sure')}</span>
      <Button ref={next} variant="default" size="compact-sm" onClick={() => ask(false)} disabled={busy}>
        {t('keep')}
      </Button>
      <Button size="compact-sm" loading={busy} onClick={onEnd}>
        {t('yes')}
      </Button>
    </span>
  )
}

/** Ends the session. When it was over already, that is as good. */
function useEnd(of: Key, session: KeySession, onEnded: (text: string) => void) {
  const { t } = useTranslation('live')
  const cache = useQueryClient()
  const over = (text: string) => {
    onEnded(text)
    // The row goes with what has the focus.
    document.querySelector<HTMLElement>('dialog[open] [data-first]')?.focus()
    return refresh(cache)
  }
  return useMutation({
    mutationFn: (): Promise<'ended' | 'gone'> =>
      endKeySession(of, session).then(
        () => 'ended',
        (error) => {
          if (toProblem(error).code === 'session_not_found') return 'gone'
          throw error
        },
      ),
    onSuccess: (how) => over(t(how, { ip: session.ip })),
  })
}
