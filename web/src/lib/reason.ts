import type { TFunction } from 'i18next'
import type { Reason } from '@/lib/allowlist'

/** The words of the catalogue for the reason of an entry. */
export function reasonText(t: TFunction<'allowlist'>, reason: Reason): string {
  if (reason.code === 'special' && reason.range) {
    const name = t(`ranges.${reason.range}`)
    return t('special', { range: reason.rfc ? t('rangeOf', { range: name, rfc: reason.rfc }) : name })
  }
  return t(reason.code, { instead: reason.instead ?? t('mappedPrefix') })
}
