package latchkey

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"strings"
)

// Prefixes of what a secret scanner can find. An id and a secret both end in a
// checksum, so that a typing error is told apart from an unknown key.
const (
	keyIDPrefix  = "lk_"
	secretPrefix = "lks_"
)

// alphabet is Crockford's base 32 in lower case: no letters that look alike.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// Secret is a key's secret as text: the HMAC key is its UTF-8 bytes. It prints
// as "[secret]" wherever it is formatted or logged; call Reveal for the text.
type Secret string

// Reveal returns the text. Each call is a place where the secret leaves.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret from fmt.
func (s Secret) String() string { return "[secret]" }

// GoString hides the secret from callers of fmt.GoStringer.
func (s Secret) GoString() string { return "[secret]" }

// Format hides the secret from every verb of fmt. Without it a verb that does
// not fit a text, such as %d, prints the value to show the mistake. fmt does
// not ask it for %p and %w, nor in an unexported field of a struct.
func (s Secret) Format(out fmt.State, _ rune) { _, _ = io.WriteString(out, "[secret]") }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalJSON refuses: a secret reaches a client only where the code says so.
func (s Secret) MarshalJSON() ([]byte, error) {
	return nil, fmt.Errorf("a secret is not part of any JSON answer")
}

// NewKeyID makes a public key id from 16 characters of crypto/rand (80 bits)
// and a checksum of 4: lk_ + 20.
func NewKeyID() string {
	body := randomText(16)
	return keyIDPrefix + body + checksum(keyIDPrefix+body)
}

// NewSecret makes a secret from 256 bits of crypto/rand and a checksum of 4
// characters. Letters, digits, "-" and "_" only, so that it survives a copy
// into a shell or an .env file.
func NewSecret() Secret {
	var raw [32]byte
	rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	body := base64.RawURLEncoding.EncodeToString(raw[:])
	return Secret(secretPrefix + body + checksum(secretPrefix+body))
}

// NewID makes an id for things that are not keys (member, session, pending):
// prefix, "_", 26 characters (130 bits).
func NewID(prefix string) string {
	var room [64]byte // one allocation, for the text: every request gets an id
	id := append(append(room[:0], prefix...), '_')
	id = append(id, make([]byte, 26)...)
	random(id[len(prefix)+1:])
	return string(id)
}

// IsKeyID reports whether the text has the form of a key id of ours, checksum
// included.
func IsKeyID(id string) bool { return hasChecksum(id, keyIDPrefix, len(keyIDPrefix)+20) }

// IsSecret reports whether the text has the form of a secret of ours.
func IsSecret(s string) bool { return hasChecksum(s, secretPrefix, len(secretPrefix)+47) }

func hasChecksum(s, prefix string, length int) bool {
	if len(s) != length || !strings.HasPrefix(s, prefix) {
		return false
	}
	return checksum(s[:length-4]) == s[length-4:]
}

func randomText(n int) string {
	raw := make([]byte, n)
	random(raw)
	return string(raw)
}

// random fills text with characters of the alphabet.
func random(text []byte) {
	rand.Read(text)
	for i, b := range text {
		text[i] = alphabet[b%32] // 256 is a multiple of 32: no bias
	}
}

// checksum is 20 bits of CRC-32 as 4 characters. It finds typing errors; it is
// no protection against anybody.
func checksum(s string) string {
	sum := crc32.ChecksumIEEE([]byte(s))
	var out [4]byte
	for i := range out {
		out[i] = alphabet[sum&31]
		sum >>= 5
	}
	return string(out[:])
}
