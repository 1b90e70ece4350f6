/** The token of a link: what stands behind "#". Empty where a mail program has cut it off. */
export function tokenOf(hash: string): string {
  const token = hash.replace(/^#/, '').trim()
  return /^[\w-]{20,128}$/.test(token) ? token : ''
}
