import { ActionIcon, Button } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { copyText } from '@/lib/copy'

type Props = {
  text: string
  /** What is copied, for the screen reader: "Copy the id of bot-1". */
  label: string
  /** With a visible word, or the icon alone. */
  word?: string
}

export function CopyButton({ text, label, word }: Props) {
  const { t } = useTranslation('ui')
  const [state, setState] = useState<'ready' | 'copied' | 'failed'>('ready')
  useEffect(() => {
    if (state === 'ready') return
    const timer = setTimeout(() => setState('ready'), 2000)
    return () => clearTimeout(timer)
  }, [state])
  const copy = async () => setState((await copyText(text)) ? 'copied' : 'failed')
  const said = state === 'copied' ? t('copied') : state === 'failed' ? t('copyFailed') : ''
  const icon = state === 'copied' ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />
  return (
    <>
      {word ? (
        <Button variant="default" leftSection={icon} onClick={copy} aria-label={label}>
          {said || word}
        </Button>
      ) : (
        <ActionIcon variant="subtle" color="gray" c="dimmed" onClick={copy} aria-label={label} title={said || label}>
          {icon}
        </ActionIcon>
      )}
      <span role="status" className="sr-only">
        {said}
      </span>
    </>
  )
}
