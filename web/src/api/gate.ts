import { signal } from '@/lib/signal'

// The gate holds requests back while the session is lost. A 401 means that
// nothing was done, so the same request may be sent again after the member has
// signed in anew: a form whose Save met the end of the session goes on by
// itself, and nothing that was typed is lost.

/** Whether the pop-up that asks for the sign-in is open. */
export const sessionLost = signal(false)

let armed = false
let turn = 0
let waiting: { go: () => void; stop: (reason: unknown) => void }[] = []

/** From now on a 401 opens the pop-up. Before the first sign-in it is an ordinary answer. */
export function armGate(): void {
  armed = true
}

/** Whether somebody had signed in here. */
export function isArmed(): boolean {
  return armed
}

/** After a sign-out, or when another member signs in: those who wait get their 401. */
export function disarmGate(): void {
  armed = false
  const left = waiting
  waiting = []
  sessionLost.set(false)
  for (const w of left) w.stop(new DOMException('signed out', 'AbortError'))
}

/** Counts the sign-ins that opened the gate, to tell an old 401 from a new one. */
export function gateTurn(): number {
  return turn
}

/** What is asked while the pop-up is open is part of signing in, or can be asked again. It is not held. */
export function holds(): boolean {
  return armed && !sessionLost.get()
}

/** Resolves when the member has signed in again; rejects when the request is aborted. */
export function signedInAgain(abort: AbortSignal): Promise<void> {
  sessionLost.set(true)
  return new Promise((resolve, reject) => {
    waiting.push({ go: resolve, stop: reject })
    abort.addEventListener('abort', () => reject(abort.reason), { once: true })
  })
}

export function openGate(): void {
  const left = waiting
  waiting = []
  turn++
  sessionLost.set(false)
  for (const w of left) w.go()
}
