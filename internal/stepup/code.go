package stepup

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"math/big"
	"strings"
	"unicode"

	"latchkey"
)

// digits is the length of every numeric code, TOTP included.
const digits = 6

// NewCode makes a code of six digits, each equally likely.
func NewCode() latchkey.Secret {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic("crypto/rand cannot fail since Go 1.24: " + err.Error())
	}
	return latchkey.Secret(fmt.Sprintf("%0*d", digits, n))
}

// squeezed drops what a paste or a person puts between the characters of a
// code: spaces of all kinds, line ends and hyphens.
func squeezed(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

// NormalCode drops the spaces and hyphens that a paste brings along and
// reports whether six ASCII digits remain. What is no code is not evaluated,
// so it costs no try.
func NormalCode(text string) (string, bool) {
	code := squeezed(text)
	ok := len(code) == digits && strings.Trim(code, "0123456789") == ""
	return code, ok
}

// EqualCode compares in constant time. An empty code that was never sent is
// equal to nothing.
func EqualCode(sent latchkey.Secret, got string) bool {
	return len(sent) == digits && subtle.ConstantTimeCompare([]byte(sent.Reveal()), []byte(got)) == 1
}
