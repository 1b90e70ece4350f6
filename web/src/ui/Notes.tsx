import { CloseButton } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { signal, useSignal } from '@/lib/signal'
import classes from './Notes.module.css'

type Note = { id: number; text: string }
const notes = signal<Note[]>([])
let last = 0

/** Tells in the corner that something was done. It stays for eight seconds, or until it is closed. */
export function notify(text: string): void {
  const id = ++last
  notes.set([...notes.get(), { id, text }])
  setTimeout(() => drop(id), 8000)
}

const drop = (id: number) => notes.set(notes.get().filter((n) => n.id !== id))

export function Notes() {
  const { t } = useTranslation('ui')
  return (
    <div className={classes.notes} role="status">
      {useSignal(notes).map((note) => (
        <div key={note.id} className={classes.note}>
          <span>{note.text}</span>
          <CloseButton aria-label={t('closeNote')} onClick={() => drop(note.id)} />
        </div>
      ))}
    </div>
  )
}
