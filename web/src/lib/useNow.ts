import { useEffect, useState } from 'react'
import { serverNow } from '@/lib/clock'

/** The server's time in milliseconds, renewed each second while the component is shown. */
export function useNow(running = true): number {
  const [now, setNow] = useState(serverNow)
  useEffect(() => {
    if (!running) return
    setNow(serverNow())
    const timer = setInterval(() => setNow(serverNow()), 1000)
    return () => clearInterval(timer)
  }, [running])
  return now
}
