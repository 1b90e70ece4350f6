package authority_test

import (
	"strings"
	"testing"
	"time"
)

// A password is any text of 12 to 256 characters, compared as it was typed:
// nothing is trimmed, folded or cut (ASVS 6.2.5, 6.2.8, 6.2.9), and it does not
// grow old (6.2.10).
func TestAPasswordIsTakenAsItWasTyped(t *testing.T) {
	w := newWorld(t)
	old := password
	actor := w.signIn(w.sub)
	for _, next := range []string{
		"mwmwwmmmwmww", "            ", " Leading and trailing ", "ПарольБезЦифрИЗнаков", "👍👍👍👍👍👍👍👍👍👍👍👍", "9381\x00572840163",
		strings.Repeat("ä", 255) + "Z", // longer than the 72 bytes of bcrypt
	} {
		w.must(w.ChangePassword(w.ctx, actor, old, next))
		runes := []rune(next)
		for _, wrong := range []string{
			old, string(runes[:len(runes)-1]), string(runes[:len(runes)-1]) + "?", strings.TrimSpace(next) + "  ", strings.ToUpper(next) + "x", next + " ",
		} {
			_, err := w.SignIn(w.ctx, home, w.sub.Email, wrong)
			w.refused(err, "wrong_credentials")
		}
		w.clock.Advance(400 * 24 * time.Hour)
		in, err := w.SignIn(w.ctx, home, w.sub.Email, next)
		w.must(err)
		actor, old = w.who(in.Token), next
	}
}

// Shorter than 12 characters is no password, however many bytes it has.
func TestAShortPasswordIsRefused(t *testing.T) {
	w := newWorld(t)
	actor := w.signIn(w.sub)
	for _, short := range []string{"", "a", "elevenchars", strings.Repeat("👍", 11), strings.Repeat("a", 257)} {
		w.refused(w.ChangePassword(w.ctx, actor, password, short), "invalid_password")
	}
}
