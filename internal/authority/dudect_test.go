//go:build timing

package authority_test

import (
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/testenv/dudect"
)

// refusedSignIns races wrong passwords for an address that a member has against
// those for one that nobody has. Call it with a world whose members have hashes
// of the real cost.
func refusedSignIns(w *world, samples int) dudect.Result {
	w.t.Helper()
	emails := [2]string{"real@example.com", "fake@example.com"}
	email := emails[0]
	return dudect.Race(samples, func(class int) { email = emails[class] }, func() {
		if _, err := w.SignIn(w.ctx, home, email, "a wrong password"); latchkey.Code(err) != "wrong_credentials" {
			w.t.Fatal(err)
		}
	})
}

func signInWorld(t *testing.T) *world {
	w := newWorld(t)
	l := &w.config.Limits
	l.SignInsPerSource, l.SignInsPerAddress, l.SessionLife = 1<<30, 1<<30, time.Hour
	w.Authority = authority.New(w.config)
	_, err := w.Operator().AddMember(w.ctx, w.account, "real@example.com", latchkey.RoleSubuser, password)
	w.must(err)
	return w
}

// The attack: somebody tries a list of addresses with any password, and measures
// which refusals take longer (CWE-204, CWE-208). A comparison takes some 15 ms,
// so it is measured a thousandth as often as a signature.
func TestAnUnknownNameTakesAsLong(t *testing.T) {
	found := refusedSignIns(signInWorld(t), dudect.Samples(1_000_000)/1000)
	t.Logf("known and unknown names: %v", found)
	if found.Leaks() {
		t.Errorf("%v", found)
	}
}

// What stands around the comparison, by itself: the database, which is written
// to for both. A tenth as often as a signature.
func TestAnUnknownNameTakesAsLongAroundTheComparison(t *testing.T) {
	w := signInWorld(t)
	w.CompareInNoTime()
	found := refusedSignIns(w, dudect.Samples(1_000_000)/10)
	t.Logf("known and unknown names, no comparison: %v", found)
	if found.Leaks() {
		t.Errorf("%v", found)
	}
}
