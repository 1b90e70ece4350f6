package stepup

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// recoveryCount is how many recovery codes a member gets at once.
const recoveryCount = 10

// recoveryLength is how many characters a code has, of 5 bits each: 120 random
// bits, so that a plain hash will do (OWASP ASVS 6.5.2 asks for 112). Codes that
// were given out before had recoveryFormer, and are good until they are used or
// renewed.
const (
	recoveryLength = 24
	recoveryFormer = 16
)

// recoveryAlphabet is Crockford's base 32: nothing looks alike on paper.
const recoveryAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// NewRecoveryCodes makes codes such as "3k9m-x0qp-7wzr-h2dt-5c8j-e6nv", shown
// once, and the hashes that are kept.
func NewRecoveryCodes(memberID string) (codes, hashes []string) {
	for range recoveryCount {
		raw := make([]byte, recoveryLength)
		rand.Read(raw)
		for i, b := range raw {
			raw[i] = recoveryAlphabet[b%32]
		}
		text := string(raw)
		var groups []string // of four, as people copy them
		for four := range slices.Chunk(raw, 4) {
			groups = append(groups, string(four))
		}
		codes = append(codes, strings.Join(groups, "-"))
		hashes = append(hashes, HashRecovery(memberID, text))
	}
	return codes, hashes
}

// HashRecovery is what the store keeps and compares. With 120 random bits a
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
	return (len(plain) == recoveryLength || len(plain) == recoveryFormer) && strings.Trim(plain, recoveryAlphabet) == ""
}
