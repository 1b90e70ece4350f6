import { Button } from '@mantine/core'
import { useExplain } from '@/api/explain'
import { Notice } from '@/ui/Notice'
import classes from './More.module.css'

type Props = {
  query: {
    hasNextPage: boolean
    isFetchingNextPage: boolean
    isFetchNextPageError: boolean
    error: unknown
    fetchNextPage: () => unknown
  }
  text: string
  failed: string
}

/** The next page of a long list, under what is there already. */
export function More({ query, text, failed }: Props) {
  const explain = useExplain()
  if (!query.hasNextPage) return null
  return (
    <div className={classes.more}>
      {query.isFetchNextPageError && (
        <Notice kind="bad" title={failed}>
          {explain(query.error).text}
        </Notice>
      )}
      <Button variant="default" loading={query.isFetchingNextPage} onClick={() => query.fetchNextPage()}>
        {text}
      </Button>
    </div>
  )
}
