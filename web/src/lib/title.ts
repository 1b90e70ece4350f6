import { useEffect } from 'react'

// The window's title is that of the topmost view: a pop-up over a page, or a
// pop-up over a pop-up. React runs the effects of children first, so the depth
// is stated and not taken from the order of mounting.

type Entry = { text: string; level: number }
const shown: Entry[] = []

function write(): void {
  const top = shown.reduce<Entry | undefined>((best, e) => (best && best.level > e.level ? best : e), undefined)
  document.title = top ? `${top.text} · Latchkey` : 'Latchkey'
}

/** Names the view. level: 0 a page, 1 a pop-up, 2 what stands over a pop-up. */
export function useTitle(text: string, level = 0): void {
  useEffect(() => {
    const entry = { text, level }
    shown.push(entry)
    write()
    return () => {
      shown.splice(shown.indexOf(entry), 1)
      write()
    }
  }, [text, level])
}
