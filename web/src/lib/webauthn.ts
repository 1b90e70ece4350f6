// Passkeys in the browser (Web Authentication, Level 3). The server's options
// and the browser's answers are JSON on the wire and bytes in the browser;
// where the browser cannot convert them itself (before 2025), this does.

type Json = { [name: string]: unknown }

/** Why no passkey came: the person stopped or waited too long, this device has one already, or it cannot be done here. */
export type PasskeyReason = 'stopped' | 'known' | 'missing'

export class PasskeyError extends Error {
  readonly reason: PasskeyReason
  constructor(reason: PasskeyReason) {
    super(`passkey: ${reason}`)
    this.name = 'PasskeyError'
    this.reason = reason
  }
}

/** Whether this browser can ask for a passkey on this page; it needs https or localhost. */
export function hasPasskeys(): boolean {
  return typeof PublicKeyCredential === 'function' && navigator.credentials !== undefined
}

/** Asks for a new passkey, or for one that exists. Throws a PasskeyError. */
export async function askPasskey(prompt: { create?: Json; get?: Json }, signal: AbortSignal): Promise<Json> {
  if (!hasPasskeys()) throw new PasskeyError('missing')
  try {
    const made = prompt.create
      ? await navigator.credentials.create({ publicKey: creation(prompt.create), signal })
      : await navigator.credentials.get({ publicKey: request(prompt.get ?? {}), signal })
    if (!(made instanceof PublicKeyCredential)) throw new PasskeyError('stopped')
    return typeof made.toJSON === 'function' ? { ...made.toJSON() } : toJson(made)
  } catch (error) {
    if (error instanceof PasskeyError) throw error
    // Every other refusal reads alike on purpose: a page must not learn what is on the device (WebAuthn, 14.5).
    throw new PasskeyError(error instanceof DOMException && error.name === 'InvalidStateError' ? 'known' : 'stopped')
  }
}

// The two casts say what the API's document cannot: that its object is the one of this standard.

function creation(json: Json): PublicKeyCredentialCreationOptions {
  const options = json as unknown as PublicKeyCredentialCreationOptionsJSON
  if (typeof PublicKeyCredential.parseCreationOptionsFromJSON === 'function') {
    return PublicKeyCredential.parseCreationOptionsFromJSON(options)
  }
  return {
    ...(options as unknown as PublicKeyCredentialCreationOptions),
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: (options.excludeCredentials ?? []).map(descriptor),
  }
}

function request(json: Json): PublicKeyCredentialRequestOptions {
  const options = json as unknown as PublicKeyCredentialRequestOptionsJSON
  if (typeof PublicKeyCredential.parseRequestOptionsFromJSON === 'function') {
    return PublicKeyCredential.parseRequestOptionsFromJSON(options)
  }
  return {
    ...(options as unknown as PublicKeyCredentialRequestOptions),
    challenge: bytes(options.challenge),
    allowCredentials: (options.allowCredentials ?? []).map(descriptor),
  }
}

function descriptor(of: PublicKeyCredentialDescriptorJSON): PublicKeyCredentialDescriptor {
  return {
    type: 'public-key',
    id: bytes(of.id),
    ...(of.transports ? { transports: of.transports as AuthenticatorTransport[] } : {}),
  }
}

/** What toJSON() would return. */
function toJson(made: PublicKeyCredential): Json {
  return {
    id: made.id,
    rawId: base64url(made.rawId),
    type: made.type,
    authenticatorAttachment: made.authenticatorAttachment ?? undefined,
    clientExtensionResults: made.getClientExtensionResults(),
    response: responseOf(made.response),
  }
}

function responseOf(response: AuthenticatorResponse): Json {
  const clientDataJSON = base64url(response.clientDataJSON)
  if (response instanceof AuthenticatorAttestationResponse) {
    const attestationObject = base64url(response.attestationObject)
    return { clientDataJSON, attestationObject, transports: response.getTransports?.() ?? [] }
  }
  const { authenticatorData, signature, userHandle } = response as AuthenticatorAssertionResponse
  return {
    clientDataJSON,
    authenticatorData: base64url(authenticatorData),
    signature: base64url(signature),
    userHandle: userHandle ? base64url(userHandle) : undefined,
  }
}

/** Base64 for URLs without padding (RFC 4648, 5) into bytes. */
export function bytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(plain, (c) => c.charCodeAt(0))
}

export function base64url(of: ArrayBuffer): string {
  const plain = Array.from(new Uint8Array(of), (b) => String.fromCharCode(b)).join('')
  return btoa(plain).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
