import { Anchor, Button, CloseButton, TextInput } from '@mantine/core'
import { type ClipboardEvent, type KeyboardEvent, useId, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { type Entry, judgeEntries, splitEntries } from '@/lib/allowlist'
import { addresses } from '@/lib/format'
import { Notice } from '@/ui/Notice'
import classes from './AllowlistField.module.css'
import { AllowlistReasons } from './AllowlistReasons'

type Props = {
  /** The entries as they were typed. */
  texts: string[]
  onChange: (texts: string[]) => void
  /** The address that this browser comes from. */
  mine: string | undefined
}

/** The IP whitelist: every entry a chip with its meaning. Typing and pasting make chips at each separator. */
export function AllowlistField({ texts, onChange, mine }: Props) {
  const { t } = useTranslation('keys')
  const [typed, setTyped] = useState('')
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  const list = useRef<HTMLUListElement>(null)
  const entries = judgeEntries(texts)
  const spoilt = entries.filter((e) => e.verdict === 'duplicate' || e.verdict === 'invalid').length

  const add = (text: string) => {
    const more = splitEntries(text)
    if (more.length > 0) onChange([...texts, ...more])
    setTyped('')
  }
  const type = (text: string) => (splitEntries(`${text}.`).length > 1 ? add(text) : setTyped(text))
  const paste = (event: ClipboardEvent) => {
    const text = event.clipboardData.getData('text')
    if (splitEntries(text).length < 2) return // a single one may still be edited
    // The field has one line and would join what new lines separate.
    event.preventDefault()
    add(`${typed}\n${text}`)
  }
  const key = (event: KeyboardEvent) => {
    if (event.key !== 'Enter') return
    event.preventDefault() // Enter makes a chip; it does not send the form
    add(typed)
  }
  /** Removes a chip; the focus goes to the one that takes its place, for a keyboard that removes several. */
  const remove = (index: number) => {
    onChange(texts.filter((_, i) => i !== index))
    const buttons = list.current?.querySelectorAll('button')
    const next = buttons?.[index + 1] ?? buttons?.[index - 1] ?? input.current
    requestAnimationFrame(() => (next?.isConnected ? next : input.current)?.focus())
  }
  const correct = (index: number, instead: string) => onChange(texts.map((text, i) => (i === index ? instead : text)))

  return (
    <fieldset className={classes.field} style={{ border: 0, padding: 0, margin: 0, minWidth: 0 }}>
      <legend className={classes.label} style={{ padding: 0, marginBottom: 6 }}>
        {t('column.allowlist')}
      </legend>
      <p className={classes.hint} id={id}>
        {t('allowlist.hint')}
      </p>
      {entries.length > 0 ? (
        <ul className={classes.chips} ref={list} aria-label={t('allowlist.chips')}>
          {entries.map((entry, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the same text may stand there twice
            <Chip key={`${i} ${entry.text}`} entry={entry} onRemove={() => remove(i)} />
          ))}
        </ul>
      ) : (
        <Notice kind="warn">{t('allowlist.any')}</Notice>
      )}
      <div className={classes.add}>
        <TextInput
          ref={input}
          aria-label={t('allowlist.input')}
          aria-describedby={id}
          placeholder={t('allowlist.placeholder')}
          value={typed}
          onChange={(event) => type(event.currentTarget.value)}
          onPaste={paste}
          onKeyDown={key}
          onBlur={() => add(typed)}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          inputMode="text"
        />
        <Button variant="default" h={42} onClick={() => add(typed)}>
          {t('allowlist.add')}
        </Button>
      </div>
      <div className={classes.tools}>
        {mine && !entries.some((e) => e.prefix === mine) && (
          <Anchor component="button" type="button" inherit onClick={() => add(mine)}>
            {t('allowlist.mine', { ip: mine })}
          </Anchor>
        )}
        {spoilt > 0 && (
          <Anchor
            component="button"
            type="button"
            inherit
            onClick={() => onChange(texts.filter((_, i) => keeps(entries[i])))}
          >
            {t('allowlist.tidy', { count: spoilt })}
          </Anchor>
        )}
        {entries.length > 1 && (
          <Anchor component="button" type="button" inherit onClick={() => onChange([])}>
            {t('allowlist.clear')}
          </Anchor>
        )}
      </div>
      <AllowlistReasons entries={entries} onCorrect={correct} />
    </fieldset>
  )
}

const keeps = (entry: Entry | undefined) => entry?.verdict === 'valid' || entry?.verdict === 'warning'

function Chip({ entry, onRemove }: { entry: Entry; onRemove: () => void }) {
  const { t } = useTranslation(['keys', 'allowlist'])
  return (
    <li className={classes.chip} data-verdict={entry.verdict}>
      <code>
        <bdi>{entry.prefix ?? entry.text}</bdi>
      </code>
      <small>{meaning()}</small>
      <CloseButton
        size="sm"
        iconSize={14}
        aria-label={t('keys:allowlist.remove', { entry: entry.text })}
        onClick={onRemove}
      />
    </li>
  )

  function meaning(): string {
    if (entry.reason?.range) return t(`allowlist:ranges.${entry.reason.range}`)
    if (entry.verdict !== 'valid') return t(`keys:allowlist.verdict.${entry.verdict}`)
    return entry.covers && entry.covers > 1n ? t('keys:allowlist.covers', { n: addresses(entry.covers) }) : ''
  }
}
