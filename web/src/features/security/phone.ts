/** The number as the API keeps it: "+" and 8 to 15 digits (E.164); null for what cannot be one. The API decides. */
export function normalPhone(text: string): string | null {
  const plain = text.trim().replace(/[ \-.()]/g, '')
  return /^\+[1-9]\d{7,14}$/.test(plain) ? plain : null
}

/** The key of an authenticator app in groups of four, as people read and type it. */
export function spaced(seed: string): string {
  return seed.replace(/(.{4})(?=.)/g, '$1 ')
}
