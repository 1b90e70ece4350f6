import { expect, it } from 'vitest'
import { normalPhone, spaced } from './phone'

it('reads a number as people write it', () => {
  expect(normalPhone(' +353 (1) 234-5678 ')).toBe('+35312345678')
  expect(normalPhone('+353.12.34.56.78')).toBe('+35312345678')
})

it('refuses what has no country code or cannot be a number', () => {
  for (const text of ['', '0123456789', '353123456789', '+0123456789', '+1234567', '+1234567890123456', '+353 12x']) {
    expect(normalPhone(text), text).toBeNull()
  }
})

it('writes the seed in groups of four, with no space at the end', () => {
  expect(spaced('JBSWY3DPEHPK')).toBe('JBSW Y3DP EHPK')
  expect(spaced('JBSWY')).toBe('JBSW Y')
})
