import { expect, it } from 'vitest'
import { base64url, bytes } from './webauthn'

it('writes bytes as base64 for URLs and reads them back, whatever their number', () => {
  for (let n = 0; n < 70; n++) {
    const raw = Uint8Array.from({ length: n }, (_, i) => (i * 37 + n) % 256)
    const text = base64url(raw.buffer)
    expect(text).toMatch(/^[\w-]*$/)
    expect(bytes(text)).toEqual(raw)
  }
})

it('uses the alphabet for URLs and no padding', () => {
  expect(base64url(Uint8Array.from([0xfb, 0xff, 0xfe, 0xff]).buffer)).toBe('-__-_w')
})
