import { type LinkProps, useLocation, useNavigate, useRouter } from '@tanstack/react-router'
import { useRef } from 'react'

/**
 * Closes a pop-up that has an address. Opened from the page below, that is one
 * step back, so that the history does not grow; opened by a link from outside,
 * the page takes its place.
 */
export function useClose(to: NonNullable<LinkProps['to']>): () => void {
  const over = useLocation({ select: (l) => l.state.over })
  const router = useRouter()
  const navigate = useNavigate()
  const closing = useRef(false)
  return () => {
    // The step back takes a moment; a second Escape in it would leave the page below as well.
    if (closing.current) return
    closing.current = true
    if (over) router.history.back()
    else void navigate({ to, replace: true })
  }
}
