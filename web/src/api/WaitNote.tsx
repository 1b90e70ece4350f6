import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, client } from '@/api/client'
import type { Following } from '@/api/types'
import { count, listed } from '@/lib/format'
import { Notice } from '@/ui/Notice'

/** A change that every node confirms takes less; then there is nothing to explain. */
const usual = 1_000

/** While a change of a key takes longer than usual: which gateway node it waits for, and for how long. */
export function WaitNote({ busy }: { busy: boolean }) {
  const long = useLong(busy)
  const query = useQuery({
    queryKey: ['following'],
    queryFn: ({ signal }) => answer(client.GET('/v1/receipt', { signal })),
    enabled: long,
    refetchInterval: 1_000,
    staleTime: 0,
    gcTime: 0,
  })
  return long && query.data && query.data.silent.length > 0 ? <Waiting of={query.data} /> : null
}

function Waiting({ of: { nodes, confirmed, silent } }: { of: Following }) {
  const { t } = useTranslation('keys')
  const others = silent.map(({ name, stopsMs }) =>
    stopsMs > 0 ? t('receipt.stops', { name, n: count(Math.ceil(stopsMs / 1000)) }) : t('receipt.stopping', { name }),
  )
  return (
    <Notice kind="warn" live>
      {t('receipt.waiting', { nodes: count(nodes), confirmed: count(confirmed), others: listed(others) })}
    </Notice>
  )
}

/** True when it has been busy for longer than usual. */
function useLong(busy: boolean): boolean {
  const [long, setLong] = useState(false)
  useEffect(() => {
    if (!busy) return
    const timer = setTimeout(() => setLong(true), usual)
    return () => {
      clearTimeout(timer)
      setLong(false)
    }
  }, [busy])
  return long
}
