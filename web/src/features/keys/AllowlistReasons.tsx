import { Anchor } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { accepted, type Entry, mostEntries } from '@/lib/allowlist'
import { count } from '@/lib/format'
import { reasonText } from '@/lib/reason'
import { Notice } from '@/ui/Notice'
import classes from './AllowlistField.module.css'

type Props = { entries: Entry[]; onCorrect: (index: number, instead: string) => void }

/** What the list amounts to, read out when it changes, and why some entries are not plainly valid. */
export function AllowlistReasons({ entries, onCorrect }: Props) {
  const { t } = useTranslation('keys')
  const numbered = entries.map((entry, index) => ({ entry, index }))
  const invalid = numbered.filter(({ entry }) => entry.verdict === 'invalid')
  const warned = numbered.filter(({ entry }) => entry.verdict === 'warning')
  const duplicates = entries.filter((e) => e.verdict === 'duplicate').length
  const good = accepted(entries).length
  return (
    <>
      <p className={classes.hint} role="status">
        {entries.length > 0 && t('allowlist.sum', { count: good, n: count(good) })}
        {duplicates > 0 && ` ${t('allowlist.duplicates', { count: duplicates })}`}
        {invalid.length > 0 && ` ${t('allowlist.invalid', { count: invalid.length })}`}
      </p>
      {good > mostEntries && <Notice kind="bad">{t('allowlist.tooMany', { most: count(mostEntries) })}</Notice>}
      {invalid.length > 0 && (
        <Notice kind="bad" live={false} title={t('allowlist.invalidTitle')}>
          <Reasons of={invalid} onCorrect={onCorrect} />
        </Notice>
      )}
      {warned.length > 0 && (
        <Notice kind="warn" title={t('allowlist.warningTitle')}>
          <Reasons of={warned} onCorrect={onCorrect} />
        </Notice>
      )}
    </>
  )
}

function Reasons({ of, onCorrect }: { of: { entry: Entry; index: number }[]; onCorrect: Props['onCorrect'] }) {
  const { t } = useTranslation(['keys', 'allowlist'])
  const { t: words } = useTranslation('allowlist')
  return (
    <ul className={classes.reasons}>
      {of.map(({ entry, index }) => {
        const instead = entry.reason?.instead
        return (
          <li key={index}>
            <code>
              <bdi>{entry.text}</bdi>
            </code>
            {': '}
            {entry.reason && reasonText(words, entry.reason)}
            {instead && (
              <>
                {' '}
                <Anchor
                  component="button"
                  type="button"
                  inherit
                  underline="always"
                  onClick={() => onCorrect(index, instead)}
                >
                  {t('keys:allowlist.use', { instead })}
                </Anchor>
              </>
            )}
          </li>
        )
      })}
    </ul>
  )
}
