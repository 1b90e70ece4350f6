import { CloseButton } from '@mantine/core'
import {
  type CSSProperties,
  type ReactNode,
  type SyntheticEvent,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
} from 'react'
import { createPortal } from 'react-dom'
import { useTranslation } from 'react-i18next'
import { useTitle } from '@/lib/title'
import classes from './Dialog.module.css'

type Props = {
  title: string
  /** Asked for by the close button, Escape and Android's back. Absent: the pop-up cannot be closed this way. */
  onClose?: () => void
  /** Buttons that stay in view while the content scrolls. */
  foot?: ReactNode
  width?: number
  /** Short questions stay a card on a phone; forms fill it. */
  small?: boolean
  /** 1 over a page, 2 over another pop-up; decides the window's title. */
  level?: 1 | 2
  children: ReactNode
}

/**
 * A pop-up on the browser's own <dialog>: the top layer stacks them, what is
 * below is inert for mouse, keyboard and screen reader, and the focus goes
 * back to where it was. It is open as long as it is mounted.
 */
export function Dialog({ title, onClose, foot, width = 560, small = false, level = 1, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null)
  const titleId = useId()
  const { t } = useTranslation('ui')
  useTitle(title, level)
  useOpen(ref)
  useCloseRequests(ref, onClose)
  return createPortal(
    // Events of a portal bubble in React's tree: a form under this one must not see this one's submit.
    <dialog
      ref={ref}
      className={classes.dialog}
      data-small={small || undefined}
      aria-labelledby={titleId}
      style={{ '--dialog-width': `${width}px` } as CSSProperties}
      onSubmit={stop}
    >
      <div className={classes.head}>
        <h2 id={titleId} className={classes.title} tabIndex={-1} data-first="">
          <bdi>{title}</bdi>
        </h2>
        {onClose && <CloseButton aria-label={t('close')} onClick={onClose} size="lg" mt={-6} mr={-8} />}
      </div>
      <div className={classes.body}>{children}</div>
      {foot && <div className={classes.foot}>{foot}</div>}
    </dialog>,
    document.body,
  )
}

const stop = (event: SyntheticEvent) => event.stopPropagation()

/** Opens before the first paint; closes before the node is removed, which is when the browser returns the focus. */
function useOpen(ref: { current: HTMLDialogElement | null }) {
  useLayoutEffect(() => {
    const dialog = ref.current
    if (!dialog) return
    noteOpener()
    dialog.showModal()
    const first =
      dialog.querySelector<HTMLElement>('[data-autofocus]') ?? dialog.querySelector<HTMLElement>('[data-first]')
    first?.focus()
    return () => {
      dialog.close()
      // What opened it is gone, or was disabled while it worked.
      if (document.activeElement === document.body || dialog.contains(document.activeElement)) below()?.focus()
    }
  }, [ref])
}

// What the focus was on when the first pop-up rose over the page. One pop-up may
// take the place of another, and the last of them has to find the way back.
let opener: Element | null = null

function noteOpener() {
  const inPage = document.querySelector('dialog[open]') === null && document.activeElement !== document.body
  if (inPage) opener = document.activeElement
}

/** The heading of the pop-up below, else what opened the first one, else the heading of the page. */
function below(): HTMLElement | null {
  const open = document.querySelectorAll<HTMLElement>('dialog[open] [data-first]')
  const last = open[open.length - 1]
  if (last) return last
  return opener instanceof HTMLElement && opener.isConnected ? opener : document.querySelector<HTMLElement>('main h1')
}

/**
 * Escape is taken at keydown and not at "cancel": browsers close a dialog at a
 * second Escape whatever "cancel" says, and a pop-up with a secret must stay.
 */
function useCloseRequests(ref: { current: HTMLDialogElement | null }, onClose: (() => void) | undefined) {
  const latest = useRef(onClose)
  useEffect(() => {
    latest.current = onClose
  })
  useEffect(() => {
    const dialog = ref.current
    if (!dialog) return
    const key = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.isComposing || event.defaultPrevented) return
      event.preventDefault()
      event.stopPropagation()
      latest.current?.()
    }
    const cancel = (event: Event) => {
      if (event.target !== dialog) return
      event.preventDefault()
      latest.current?.()
    }
    dialog.addEventListener('keydown', key)
    dialog.addEventListener('cancel', cancel)
    return () => {
      dialog.removeEventListener('keydown', key)
      dialog.removeEventListener('cancel', cancel)
    }
  }, [ref])
}
