import { expect, it } from 'vitest'
import { localPath } from './SignInPage'

// A link to the sign-in that leads on to a page of somebody else (CWE-601).
it('after the sign-in only a path of this site is gone to', () => {
  for (const to of [
    '/',
    '/settings/api-keys',
    '/settings/api-keys/lk_1/edit?pending=pen_1#top',
    '/%2f%2fevil.example',
  ]) {
    expect(localPath(to)).toBe(to)
  }
  const elsewhere = [
    undefined,
    '',
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    ' //evil.example',
    '@evil.example',
    'evil.example',
  ]
  for (const to of elsewhere) expect(localPath(to)).toBe('/')
})
