import { expect, it } from 'vitest'
import { addresses, ago, clock, duration, sentence } from '@/lib/format'

it.each([
  [300_000, '5:00'],
  [299_999, '5:00'],
  [299_000, '4:59'],
  [9_001, '0:10'],
  [0, '0:00'],
  [-5, '0:00'],
])('%i ms is %s', (ms, text) => expect(clock(ms)).toBe(text))

it.each([
  [1, '1 second'],
  [89, '89 seconds'],
  [90, '2 minutes'],
  [900, '15 minutes'],
  [5401, '2 hours'],
])('%i seconds are %s', (seconds, text) => expect(duration(seconds, 'en-GB')).toBe(text))

it('writes what nobody reads digit by digit as a power of two', () => {
  expect(addresses(256n, 'en')).toBe('256')
  expect(addresses(16_777_216n, 'en')).toBe('16,777,216')
  expect(addresses(1n << 96n)).toBe('2⁹⁶')
  expect(addresses((1n << 96n) + 1n)).toBe('≈ 2⁹⁶')
})

it('tells how long ago, up to a week', () => {
  const now = Date.parse('2026-03-08T12:00:00Z')
  expect(ago('2026-03-08T11:59:50Z', now, 'en')).toBe('now')
  expect(ago('2026-03-08T10:00:00Z', now, 'en')).toBe('2 hours ago')
  expect(ago('2026-03-07T11:00:00Z', now, 'en')).toBe('yesterday')
  expect(ago('2026-03-01T12:00:00Z', now, 'en')).toBeNull()
})

it('makes a sentence of a text of the API', () => {
  expect(sentence('choose a factor first')).toBe('Choose a factor first.')
  expect(sentence('Really?')).toBe('Really?')
})
