import { useMutation } from '@tanstack/react-query'
import { answer, client } from '@/api/client'
import { disarmGate } from '@/api/gate'

/** Ends the session and loads the page anew, so that nothing of it stays in memory. */
export function useSignOut() {
  return useMutation({
    mutationFn: () => answer(client.DELETE('/v1/session')),
    onSuccess: () => {
      disarmGate()
      location.assign('/sign-in')
    },
  })
}
