import { serverNow } from '@/lib/clock'
import { ago, dateTime, exactTime } from '@/lib/format'

/** A moment in the reader's words; seconds and zone are in the hint. */
export function Time({ at, relative = false }: { at: string; relative?: boolean }) {
  const text = (relative ? ago(at, serverNow()) : null) ?? dateTime(at)
  return (
    <time dateTime={at} title={exactTime(at)}>
      {text}
    </time>
  )
}
