package stepup

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// recoveryCount is how many recovery codes a member gets at once.
const recoveryCount = 10

// recoveryAlphabet is Crockford's base 32: nothing looks alike on paper.
const recoveryAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// NewRecoveryCodes makes codes such as "3k9m-x0qp-7wzr-h2dt" (80 bits each),
// shown once, and the hashes that are kept.
func NewRecoveryCodes(memberID string) (codes, hashes []string) {
	for range recoveryCount {
		raw := make([]byte, 16)
		rand.Read(raw)
		for i, b := range raw {
			raw[i] = recoveryAlphabet[b%32]
		}
		text := string(raw)
		codes = append(codes, strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-"))
		hashes = append(hashes, HashRecovery(memberID, text))
	}
	return codes, hashes
}

// HashRecovery is what the store keeps and compares. With 80 random bits a
// plain hash is enough: there is nothing to guess (NIST SP 800-63B-4, 3.1.2).
// The member is part of it, so that a hash is of no use with another member.
func HashRecovery(memberID, code string) string {
	sum := sha256.Sum256([]byte("latchkey recovery v1\n" + memberID + "\n" + NormalRecovery(code)))
	return hex.EncodeToString(sum[:])
}

// NormalRecovery undoes what people do when they copy from paper: capitals,
// spaces, and the letters that the alphabet leaves out.
func NormalRecovery(code string) string {
	return strings.NewReplacer("o", "0", "i", "1", "l", "1", "u", "v").Replace(strings.ToLower(squeezed(code)))
}

// IsRecovery reports whether the text has the form of a recovery code. What
// has not is not evaluated, so it costs no try.
func IsRecovery(code string) bool {
	plain := NormalRecovery(code)
	return len(plain) == 16 && strings.Trim(plain, recoveryAlphabet) == ""
}
