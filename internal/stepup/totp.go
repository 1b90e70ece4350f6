package stepup

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"latchkey"
)

// The parameters that every authenticator app supports: SHA-1, 30 s, 6 digits.
const (
	period = 30 * time.Second
	// drift accepts the step before and the step after (RFC 6238, 5.2). A
	// written deviation: ASVS 6.5.5 wants none.
	drift = 1
	// shortest is 128 bits in base 32, the least that RFC 4226 allows (4, R6).
	shortest = 26
)

// NewSeed makes a TOTP seed of 160 bits (RFC 4226, 4, R6) in base 32 without
// padding, as authenticator apps take it.
func NewSeed() latchkey.Secret {
	var raw [20]byte
	rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	return latchkey.Secret(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw[:]))
}

// SeedURI is the otpauth URI behind the QR code. It holds the seed, so it is a
// secret itself.
func SeedURI(issuer, email string, seed latchkey.Secret) latchkey.Secret {
	label := url.PathEscape(issuer + ":" + email)
	query := url.Values{"secret": {seed.Reveal()}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	// Some apps show a "+" as it stands, so a space is written as %20.
	return latchkey.Secret("otpauth://totp/" + label + "?" + strings.ReplaceAll(query.Encode(), "+", "%20"))
}

// CheckTOTP looks for the step whose code was given, among the current one and
// its neighbours, and returns it. A step that is not later than lastStep is
// refused: a code works once (RFC 6238, 5.2). The caller must store the step
// by compare-and-set, because two requests may get here at once.
func CheckTOTP(seed latchkey.Secret, code string, now time.Time, lastStep int64) (step int64, ok bool) {
	// HMAC takes an empty key too: a seed that is missing must not become one
	// that everybody knows.
	if len(seed) < shortest {
		return 0, false
	}
	current := now.Unix() / int64(period/time.Second)
	for s := current - drift; s <= current+drift; s++ {
		want, err := hotp.GenerateCodeCustom(seed.Reveal(), uint64(s), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}) // #nosec G115 -- steps since 1970
		if err != nil {
			return 0, false
		}
		// No early exit: all three are computed whatever was right.
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 && s > lastStep {
			step, ok = s, true
		}
	}
	return step, ok
}
