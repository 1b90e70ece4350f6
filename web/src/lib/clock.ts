// The server judges every expiry, so countdowns must follow its clock and not
// the browser's, which may be minutes off.

let offset = 0

/** Takes the Date header of an answer. It has whole seconds, so a smaller difference is kept as none. */
export function noteServerTime(date: string | null): void {
  const server = date ? Date.parse(date) : Number.NaN
  if (Number.isNaN(server)) return
  const found = server - Date.now()
  offset = Math.abs(found) > 2000 ? found : 0
}

/** Milliseconds since 1970 as the server counts them. */
export function serverNow(): number {
  return Date.now() + offset
}
