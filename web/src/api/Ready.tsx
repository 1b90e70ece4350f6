import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useExplain } from '@/api/explain'
import { Failed } from '@/ui/Failed'
import { Loading } from '@/ui/Loading'

type Props<T> = {
  query: UseQueryResult<T>
  /** Shown while loading; the default is three grey lines. */
  loading?: ReactNode
  children: (data: T) => ReactNode
}

/** Shows a query in each of its states. What was read once stays visible when a later reading fails. */
export function Ready<T>({ query, loading, children }: Props<T>) {
  const explain = useExplain()
  if (query.data !== undefined) return children(query.data)
  if (query.isError) {
    const { text, requestId } = explain(query.error)
    return <Failed text={text} requestId={requestId} busy={query.isFetching} onRetry={() => void query.refetch()} />
  }
  return loading ?? <Loading />
}
