import { useQueryClient } from '@tanstack/react-query'
import { useLocation, useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { type ProblemError, toProblem } from '@/api/problem'
import { nodesQuery, openNodes } from './queries'

/** Where the page is: the link is being opened, somebody looks, or why nobody does. */
export type Stage = 'opening' | 'looking' | 'needed' | 'ended' | ProblemError

/**
 * Opens the link that the page was called by. Its token leaves the address before
 * it is sent, so that neither the history nor a copied address holds it.
 */
export function useStage(): [Stage, (stage: Stage) => void] {
  const token = useLocation({ select: (l) => l.hash })
  const [stage, setStage] = useState<Stage>(token ? 'opening' : 'looking')
  const tried = useRef('')
  const navigate = useNavigate()
  const cache = useQueryClient()
  useEffect(() => {
    if (!token) return
    const bare = navigate({ to: '/nodes', replace: true })
    if (tried.current === token) return
    tried.current = token
    setStage('opening')
    bare
      .then(() => openNodes(token))
      .then(() => cache.removeQueries({ queryKey: nodesQuery.queryKey })) // of another session
      .then(() => setStage('looking'))
      .catch((error: unknown) => setStage(toProblem(error)))
  }, [token, navigate, cache])
  return [stage, setStage]
}
