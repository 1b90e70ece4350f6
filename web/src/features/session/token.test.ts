import { expect, it } from 'vitest'
import { tokenOf } from './token'

const token = 'q3J5yV0nT7hXw2KdR9uLb4ZcM8sPfG1aE6iOjYtNrQk'

it('reads the token behind the #', () => {
  expect(tokenOf(`#${token}`)).toBe(token)
  expect(tokenOf(`#${token} `)).toBe(token)
})

it('takes nothing that cannot be a token, so that it is not sent', () => {
  for (const hash of [
    '',
    '#',
    '#short',
    '#content',
    `#${token}.`,
    `#${'a'.repeat(129)}`,
    '#<script>alert(1)</script>',
  ]) {
    expect(tokenOf(hash), hash).toBe('')
  }
})
