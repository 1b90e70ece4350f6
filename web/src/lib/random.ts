/** A random text for Idempotency-Key. crypto.randomUUID is missing on plain http outside localhost. */
export function randomText(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')
}
