import { useTranslation } from 'react-i18next'
import type { Receipt } from '@/api/types'
import { count, listed } from '@/lib/format'
import { Notice } from '@/ui/Notice'

/** Where a change is in force: the confirmation of the gateway's nodes. */
export function ReceiptNote({ of }: { of: Receipt | undefined }) {
  const { t } = useTranslation('keys')
  if (!of) return null
  const values = { count: of.nodes, nodes: count(of.nodes), confirmed: count(of.confirmed), ms: count(of.tookMs) }
  if (of.nodes === 0) return <Notice>{t('receipt.none')}</Notice>
  if (of.confirmed < of.nodes) {
    const silent = of.silent ?? []
    return <Notice kind="warn">{t('receipt.some', { ...values, count: silent.length, names: listed(silent) })}</Notice>
  }
  return <Notice kind="good">{t(of.tookMs > 0 ? 'receipt.all' : 'receipt.atOnce', values)}</Notice>
}
