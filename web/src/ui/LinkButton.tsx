import { Anchor, type AnchorProps, Button, type ButtonProps } from '@mantine/core'
import { createLink } from '@tanstack/react-router'
import type { AnchorHTMLAttributes, Ref } from 'react'

// Links of the router in Mantine's dress; `to`, `params` and `search` stay checked.

type Native = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof ButtonProps> & { ref?: Ref<HTMLAnchorElement> }

function PlainButton(props: ButtonProps & Native) {
  return <Button component="a" {...props} />
}

function PlainAnchor(
  props: AnchorProps &
    Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof AnchorProps> & { ref?: Ref<HTMLAnchorElement> },
) {
  return <Anchor underline="always" {...props} />
}

/** Goes to another view; looks like a button because it is an act of the page. */
export const LinkButton = createLink(PlainButton)

/** Goes to another view, within a sentence. */
export const TextLink = createLink(PlainAnchor)
