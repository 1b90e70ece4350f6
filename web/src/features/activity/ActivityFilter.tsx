import { NativeSelect, TextInput } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import classes from './ActivityFilter.module.css'
import { type Filter, groups, periodOf, periods } from './filter'
import { keyQuery } from './queries'

type Props = { filter: Filter; onChange: (next: Filter) => void }

/** Period and Action Type, and the key when a link has named one. */
export function ActivityFilter({ filter, onChange }: Props) {
  const { t } = useTranslation('activity')
  const period = periodOf(filter)
  const kinds = groups().map(([group, of]) => ({
    group: t(`groups.${group}`),
    items: [
      { value: group as string, label: t('allOf', { group: t(`groups.${group}`) }) },
      ...of.map((kind) => ({ value: kind as string, label: t(`type.${kind}`) })),
    ],
  }))
  return (
    <div className={classes.filters}>
      <NativeSelect
        label={t('period')}
        size="sm"
        value={period}
        onChange={(event) => onChange({ period: event.currentTarget.value })}
        data={periods.map((value) => ({ value, label: t(`periods.${value}`) }))}
      />
      {period === 'custom' && (
        <>
          <Day label={t('from')} value={filter.from} onChange={(from) => onChange({ from })} />
          <Day label={t('to')} value={filter.to} onChange={(to) => onChange({ to })} />
        </>
      )}
      <NativeSelect
        label={t('kind')}
        size="sm"
        value={filter.type ?? ''}
        onChange={(event) => onChange({ type: event.currentTarget.value || undefined })}
        data={[{ value: '', label: t('allKinds') }, ...kinds]}
      />
      {filter.key && <OnlyKey id={filter.key} onClear={() => onChange({ key: undefined })} />}
    </div>
  )
}

type DayProps = { label: string; value: string | undefined; onChange: (day: string | undefined) => void }

function Day({ label, value = '', onChange }: DayProps) {
  return (
    <TextInput
      type="date"
      label={label}
      size="sm"
      value={value}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
    />
  )
}

/** A deleted key has entries too, but no name to be asked for; its id stands in. */
function OnlyKey({ id, onClear }: { id: string; onClear: () => void }) {
  const { t } = useTranslation('activity')
  const name = useQuery(keyQuery(id)).data?.name ?? id
  return (
    <button type="button" className={classes.only} title={t('anyKey')} onClick={onClear}>
      <bdi>{t('onlyKey', { name })}</bdi>
      <IconX size={14} aria-hidden />
      <span className="sr-only">{t('anyKey')}</span>
    </button>
  )
}
