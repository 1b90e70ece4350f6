package stepup

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"latchkey"
)

// nonceSize is 256 bits; WebAuthn wants at least 128 (13.4.3).
const nonceSize = 32

// NewNonce makes the random part of a passkey's challenge, base64url. It waits
// sealed where a code would; another one makes the challenge another.
func NewNonce() latchkey.Secret {
	var raw [nonceSize]byte
	rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	return latchkey.Secret(base64.RawURLEncoding.EncodeToString(raw[:]))
}

// Challenge is what a passkey signs: SHA-256 over the digest of the pending's
// content (hex) and the nonce. So a signature is good for exactly that content
// (PSD2 RTS, article 5), also when somebody alters both content and digest
// afterwards. Anything that is not such a digest and such a nonce yields none.
func Challenge(digest string, nonce latchkey.Secret) ([]byte, bool) {
	content, err := hex.DecodeString(digest)
	if err != nil || len(content) != sha256.Size {
		return nil, false
	}
	random, err := base64.RawURLEncoding.DecodeString(nonce.Reveal())
	if err != nil || len(random) != nonceSize {
		return nil, false
	}
	sum := sha256.Sum256(append(content, random...))
	return sum[:], true
}
