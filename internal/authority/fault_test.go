package authority_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"latchkey"
	"latchkey/internal/authority"
)

// boundless is a real store whose bounds somebody else decides about: a bucket
// of which it says true always has room, and another may be taken in its place.
type boundless struct {
	authority.Store
	free func(b *latchkey.Bucket) bool
}

func (s boundless) ChargeBucket(ctx context.Context, b latchkey.Bucket) (bool, error) {
	if s.free(&b) {
		return true, nil
	}
	return s.Store.ChargeBucket(ctx, b)
}

func (s boundless) ChargeBuckets(ctx context.Context, all []latchkey.Bucket) (string, error) {
	var bounded []latchkey.Bucket
	for _, b := range all {
		if !s.free(&b) {
			bounded = append(bounded, b)
		}
	}
	return s.Store.ChargeBuckets(ctx, bounded)
}

// without is an authority whose buckets of that name always have room.
func (w *world) without(prefix string) *authority.Authority {
	return w.other(func(c *authority.Config) {
		c.Store = boundless{c.Store, func(b *latchkey.Bucket) bool { return strings.HasPrefix(b.Name, prefix) }}
	})
}

// The twin of TestSixtyCodesAnAccountAndHour (fault 4): without the bound on the
// codes of a member and hour, whoever has a session, or a password alone, makes
// the platform send as many SMS as he likes, and pays nothing.
func TestWithoutTheBoundCodesAreSentForEver(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, _ := w.create(owner, "bot-1")
	naive := w.without("code_sent:")
	for range 100 {
		_, err := naive.Activate(w.ctx, owner, k.ID, k.Version)
		w.must(err)
	}
	sent := 0
	for _, l := range w.letters() {
		if l.Kind == latchkey.LetterCode {
			sent++
		}
	}
	is(w, "codes sent", sent, 100)
}

// guesses lets a stranger try passwords for the owner's address, from many
// sources, until each of them is refused; then the owner signs in.
func guesses(w *world, a *authority.Authority) error {
	w.t.Helper()
	for source := range 40 {
		for {
			_, err := a.SignIn(w.ctx, authority.Visitor{IP: fmt.Sprintf("198.51.100.%d", source)}, w.owner.Email, "a wrong password")
			if latchkey.Code(err) == "too_many_sign_ins" {
				break
			}
			w.refused(err, "wrong_credentials")
		}
	}
	_, err := a.SignIn(w.ctx, home, w.owner.Email, password)
	return err
}

// Fault 16. Somebody locks the owner out by wrong passwords, and then does
// something that the owner would stop (CWE-645). The tries of a source are
// bounded, those for an address from everywhere are not.
func TestWrongPasswordsOfStrangersLockNobodyOut(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.SignInsPerAddress = 3
	w.Authority = authority.New(w.config)
	w.must(guesses(w, w.Authority))
}

// The twin of fault 16: one bound for the address, whoever tries, shuts its
// owner out.
func TestWithABoundOnTheAddressTheOwnerIsLockedOut(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.SignInsPerAddress = 3
	naive := w.other(func(c *authority.Config) {
		c.Store = boundless{c.Store, func(b *latchkey.Bucket) bool {
			if parts := strings.Split(b.Name, ":"); parts[0] == "sign_in" && b.Limit == c.Limits.SignInsPerAddress {
				b.Name = "sign_in:" + parts[len(parts)-1]
			}
			return false
		}}
	})
	w.refused(guesses(w, naive), "too_many_sign_ins")
}

// forgetful is a real store that writes nothing for an address that nobody has.
type forgetful struct{ authority.Store }

func (s forgetful) OpenReset(ctx context.Context, link latchkey.Link, act latchkey.Activity) error {
	if link.MemberID == "" {
		return nil
	}
	return s.Store.OpenReset(ctx, link, act)
}

// The twin of TestForgottenPasswordTellsNobodyWhoExists (fault 16): who writes
// nothing for nobody does less, and the time that it takes tells who exists.
func TestWithoutARowForNobodyTheWorkTellsWhoExists(t *testing.T) {
	w := newWorld(t)
	naive := w.other(func(c *authority.Config) { c.Store = forgetful{c.Store} })
	work := func(ip, email string) int {
		before := w.tables()
		w.must(naive.ForgotPassword(w.ctx, authority.Visitor{IP: ip}, email))
		return w.tables()[0] - before[0]
	}
	is(w, "links for somebody", work("198.51.100.1", w.owner.Email), 1)
	is(w, "links for nobody", work("198.51.100.2", "nobody@example.com"), 0)
}
