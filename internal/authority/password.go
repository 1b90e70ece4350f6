package authority

import (
	"context"
	"runtime"
	"strings"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"latchkey"
)

// passwordParams are OWASP's second choice for argon2id (19 MiB, 2 passes, one
// lane): a sign-in storm must not take the machine's memory.
var passwordParams = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// dummyHash is compared for an e-mail address that nobody has, so that the
// time taken does not tell which addresses exist. Same parameters as above;
// the password behind it was random and is not kept.
const dummyHash = "$argon2id$v=19$m=19456,t=2,p=1$bGF0Y2hrZXktZHVtbXktMQ$3q2cVYl0hH2mXoAqHP2N5gYp1qkq3m0mM3Kk1h9b2cU"

// mostPasswords are computed at a time, where there are cores enough.
const mostPasswords = 2

// passwords computes argon2id for a few at a time, by at most half of what the
// machine has, so that key traffic has the rest during a storm of sign-ins. A
// goroutine that computes holds its processor for long: with all of them taken,
// a signed call waits for a password.
//
// Strangers wait in a line of their own, whose first one waits beside those who
// are known: however long it is, it keeps no member out.
type passwords struct {
	slots   chan struct{}
	line    chan struct{}
	compare func(password, hash string) (bool, error)
}

func newPasswords() passwords {
	most := max(1, min(mostPasswords, runtime.GOMAXPROCS(0)/2))
	return passwords{slots: make(chan struct{}, most), line: make(chan struct{}, 1), compare: argon2id.ComparePasswordAndHash}
}

// enter waits for a slot or the end of ctx.
func (p passwords) enter(ctx context.Context, known bool) error {
	if !known {
		if err := take(ctx, p.line); err != nil {
			return err
		}
		defer func() { <-p.line }()
	}
	return take(ctx, p.slots)
}

// take waits for a place. Go serves those who wait on a channel in the order in
// which they came.
func take(ctx context.Context, places chan<- struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return latchkey.Errorf(latchkey.KindUnavailable, "busy", "too many sign-ins at once; try again in a moment")
	}
}

func (p passwords) leave() { <-p.slots }

// hash checks the rules and returns the PHC string.
func (p passwords) hash(ctx context.Context, email, password string) (string, error) {
	if err := checkPassword(email, password); err != nil {
		return "", err
	}
	if err := p.enter(ctx, true); err != nil { // who got here has a session or a link
		return "", err
	}
	defer p.leave()
	return argon2id.CreateHash(password, passwordParams)
}

// matches compares; an empty hash (nobody) takes as long as a real one.
func (p passwords) matches(ctx context.Context, password, hash string, known bool) (bool, error) {
	if len(password) > 1024 {
		return false, nil // longer than any that was ever accepted
	}
	if err := p.enter(ctx, known); err != nil {
		return false, err
	}
	defer p.leave()
	nobody := hash == ""
	if nobody {
		hash = dummyHash
	}
	ok, err := p.compare(password, hash)
	return ok && !nobody, err
}

// checkPassword holds the rules: length only (NIST SP 800-63B-4, 3.1.1.2), and
// not the address itself.
func checkPassword(email, password string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password):
		return latchkey.Invalid("password", "invalid_password", "the password is not valid UTF-8")
	case n < 12 || n > 256:
		return latchkey.Invalid("password", "invalid_password", "a password has 12 to 256 characters")
	case strings.EqualFold(password, email):
		return latchkey.Invalid("password", "invalid_password", "the e-mail address is not a password")
	}
	return nil
}
