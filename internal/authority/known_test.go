package authority_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/authority"
)

// get reads how much of something a long run does.
func get(t *testing.T, variable string, short int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return short
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// comeIn signs the owner in from a browser, with the app, and returns what that
// browser is to keep.
func (w *world) comeIn(v authority.Visitor, m latchkey.Member, secret string) (latchkey.Secret, error) {
	w.t.Helper()
	in, err := w.SignIn(w.ctx, v, m.Email, secret)
	if err != nil {
		return "", err
	}
	id := in.Step.Pending.ID
	out, err := w.Confirm(w.ctx, w.who(in.Token), id, code(w.right(id)))
	if err == nil && !out.Session.Full {
		w.t.Fatal("the sign-in left half a session")
	}
	return out.Browser, err
}

// siege is a minute of an attacker who knows the owner's address and password,
// sits behind the owner's own address too, and has many more.
func (w *world) siege(minute, guesses int) {
	w.t.Helper()
	forged := latchkey.Secret("brw_1." + strconv.FormatInt(w.clock.Now().Add(time.Hour).Unix(), 10) + ".QUFB")
	for i := range guesses {
		far := authority.Visitor{IP: fmt.Sprintf("198.51.%d.%d", minute%256, i%256), Browser: forged}
		for _, v := range []authority.Visitor{home, far} {
			_, _ = w.SignIn(w.ctx, v, w.owner.Email, "a wrong password")
			in, err := w.SignIn(w.ctx, v, w.owner.Email, password)
			if err != nil {
				continue
			}
			half := w.who(in.Token)
			for range 5 {
				_, _ = w.Confirm(w.ctx, half, in.Step.Pending.ID, code("000000"))
			}
			_, _ = w.Resend(w.ctx, half, in.Step.Pending.ID)
		}
		_ = w.ForgotPassword(w.ctx, far, w.owner.Email)
	}
}

// besieged counts how often the owner gets in while an attacker goes on for ten
// minutes before each try.
func besieged(w *world, tries, guesses int, keep bool) (in int, last error) {
	w.t.Helper()
	mark, err := w.comeIn(home, w.owner, password)
	w.must(err)
	for try := range tries {
		for minute := range 2 {
			w.siege(try*2+minute, guesses)
			w.clock.Advance(5 * time.Minute)
		}
		w.siege(try, guesses) // up to the very moment
		for latchkey.Code(err2(w.SignIn(w.ctx, home, w.owner.Email, "a wrong password"))) != "too_many_sign_ins" {
		}
		v := home
		if keep {
			v.Browser = mark
		}
		next, err := w.comeIn(v, w.owner, password)
		if err != nil {
			last = err
			continue
		}
		in, mark = in+1, next
	}
	return in, last
}

// Somebody who knows the owner's address, and worse the password, guesses at
// full speed for ten minutes from many addresses and from the owner's own, so
// that the owner cannot sign in and stop a key meanwhile (CWE-645). From a
// browser that has signed in before the owner gets in every time. GUESSES sets
// how many guesses each of the 300 sieges has.
func TestAKnownBrowserGetsInThroughEveryStorm(t *testing.T) {
	w := newWorld(t)
	in, err := besieged(w, 100, get(t, "GUESSES", 1), true)
	if in != 100 {
		t.Errorf("the owner got in %d times of 100: %v", in, err)
	}
}

// The twin: the same storm shuts a browser out that nobody knows.
func TestAnUnknownBrowserIsShutOutByAStorm(t *testing.T) {
	w := newWorld(t)
	in, err := besieged(w, 5, get(t, "GUESSES", 1), false)
	if in != 0 {
		t.Errorf("the owner got in %d times of 5; the siege is none", in)
	}
	w.refused(err, "too_many_sign_ins")
}

// With the line for passwords full of strangers, for as long as it takes.
func TestAKnownBrowserStandsInNoLine(t *testing.T) {
	w := newWorld(t)
	mark, err := w.comeIn(home, w.owner, password)
	w.must(err)
	w.FillLine()
	long, stop := context.WithTimeout(w.ctx, 20*time.Second)
	defer stop()
	_, err = w.SignIn(long, authority.Visitor{IP: "203.0.113.5", Browser: mark}, w.owner.Email, password)
	w.must(err)
	short, cancel := context.WithTimeout(w.ctx, 100*time.Millisecond)
	defer cancel()
	_, err = w.SignIn(short, authority.Visitor{IP: "203.0.113.5"}, w.owner.Email, password)
	w.refused(err, "busy")
}

// From another address than the attacker's the first step succeeds; then wrong
// codes of strangers keep an unknown browser out, and the known one not.
func TestWrongCodesOfStrangersDoNotCountForAKnownBrowser(t *testing.T) {
	onEach(t, func(w *world) {
		mark, err := w.comeIn(home, w.owner, password)
		w.must(err)
		w.siege(1, 25)
		elsewhere := authority.Visitor{IP: "203.0.113.5"}
		_, err = w.comeIn(elsewhere, w.owner, password)
		w.refused(err, "too_many_wrong_codes")
		elsewhere.Browser = mark
		_, err = w.comeIn(elsewhere, w.owner, password)
		w.must(err)
	})
}

// A mark that was stolen helps to guess a little more, not without end.
func TestTheTriesOfAKnownBrowserAreBounded(t *testing.T) {
	w := newWorld(t)
	mark, err := w.comeIn(home, w.owner, password)
	w.must(err)
	guess := func(a *authority.Authority) (n int) {
		for n < 1000 {
			_, err := a.SignIn(w.ctx, authority.Visitor{IP: "203.0.113.5", Browser: mark}, w.owner.Email, "a wrong password")
			if latchkey.Code(err) == "too_many_sign_ins" {
				return n
			}
			w.refused(err, "wrong_credentials")
			n++
		}
		return n
	}
	is(w, "guesses with a stolen mark", guess(w.Authority), 40) // 20 of the browser, 20 of the address
	is(w, "guesses without the bound", guess(w.without("sign_in_known:")), 1000)
	codes := func(a *authority.Authority) (n int) {
		for range 30 {
			w.clock.Advance(time.Minute)
			v := authority.Visitor{IP: fmt.Sprintf("203.0.113.%d", 10+n%200), Browser: mark}
			in, err := w.without("sign_in").SignIn(w.ctx, v, w.owner.Email, password)
			w.must(err)
			for range 5 {
				if _, err := a.Confirm(w.ctx, w.who(in.Token), in.Step.Pending.ID, code("000000")); latchkey.Code(err) == "wrong_code" || latchkey.Code(err) == "pending_dead" {
					n++
				}
			}
		}
		return n
	}
	w.clock.Advance(w.clock.Now().Truncate(time.Hour).Add(time.Hour).Sub(w.clock.Now()))
	is(w, "wrong codes of a known browser in 30 minutes", codes(w.Authority), 10)
}

// What the browser keeps is good for one member, one password, some time.
func TestWhatABrowserKeepsIsBoundAndEnds(t *testing.T) {
	onEach(t, func(w *world) {
		w.config.Limits.SignInsPerSource, w.config.Limits.SignInsPerAddress = 1, 1
		mark, err := w.comeIn(home, w.owner, password)
		w.must(err)
		w.enrolApp(w.sub)
		_, err = w.comeIn(home, w.sub, password)
		w.must(err)
		w.Authority = authority.New(w.config) // now one try of the source, and one of a known browser
		try := 0
		known := func(m latchkey.Member, secret string, mark latchkey.Secret) bool {
			try++
			v := authority.Visitor{IP: fmt.Sprintf("203.0.113.%d", try)}
			_, err := w.SignIn(w.ctx, v, "nobody@example.com", "a wrong password") // uses the source's up
			w.refused(err, "wrong_credentials")
			v.Browser = mark
			_, err = w.SignIn(w.ctx, v, m.Email, secret)
			w.clock.Advance(signInWindow)
			return latchkey.Code(err) != "too_many_sign_ins"
		}
		is(w, "known", known(w.owner, password, mark), true)
		is(w, "known to another member", known(w.sub, password, mark), false)
		is(w, "nothing", known(w.owner, password, ""), false)
		for i := 0; i < len(mark)-1; i += 7 { // of the last letter two bits are not read
			text := []byte(mark.Reveal())
			text[i] ^= 1
			if known(w.owner, password, latchkey.Secret(text)) {
				w.t.Errorf("known with letter %d changed", i)
			}
		}
		w.clock.Advance(w.config.Limits.KnownBrowser)
		is(w, "known half a year later", known(w.owner, password, mark), false)
		w.config.Limits = latchkey.DefaultLimits()
		narrow := w.Authority
		w.Authority = authority.New(w.config)
		mark, err = w.comeIn(home, w.owner, password)
		w.must(err)
		next := "another horse, another battery"
		w.must(w.ChangePassword(w.ctx, w.signIn(w.owner), password, next))
		w.Authority = narrow
		is(w, "known after the password changed", known(w.owner, next, mark), false)
	})
}

// signInWindow is the time in which the tries of a source are counted.
const signInWindow = 15 * time.Minute

// Who has no mark, or a forged one, learns nothing: known and unknown addresses
// are answered alike, and one try of each leaves the same rows.
func TestAForgedMarkTellsNothing(t *testing.T) {
	w := newWorld(t)
	mark, err := w.comeIn(home, w.owner, password)
	w.must(err)
	for name, m := range map[string]latchkey.Secret{"none": "", "forged": mark[:len(mark)-4] + "AAAA", "rubbish": "..", "of the owner, for the others": mark} {
		w.clock.Advance(signInWindow)
		answers := map[string]int{}
		for _, email := range []string{w.sub.Email, "nobody@example.com"} {
			rows := w.count("SELECT COALESCE(sum(counted), 0) FROM bucket")
			_, err := w.SignIn(w.ctx, authority.Visitor{IP: "203.0.113.5", Browser: m}, email, "a wrong password")
			answers[fmt.Sprintf("%v, counted %d", err, w.count("SELECT COALESCE(sum(counted), 0) FROM bucket")-rows)]++
		}
		if len(answers) != 1 {
			t.Errorf("%s: %v", name, answers)
		}
	}
}

// A browser that is known keeps its id when it signs in again: else each
// sign-in would make new tries.
func TestAKnownBrowserKeepsItsBucket(t *testing.T) {
	w := newWorld(t)
	v := home
	ids := map[string]bool{}
	for range 3 {
		mark, err := w.comeIn(v, w.owner, password)
		w.must(err)
		id, _, _ := strings.Cut(mark.Reveal(), ".")
		ids[id] = true
		v.Browser = mark
	}
	is(w, "ids of one browser", len(ids), 1)
}

// A stranger asks for links to the owner's address every minute, so that the
// owner, who has forgotten the password, finds none that works and is sent no
// other. At every minute there is one that lives, or room for another.
func TestTheLinksOfAForgottenPasswordCannotBeUsedUp(t *testing.T) {
	w := newWorld(t)
	for minute := range 180 {
		w.must(w.ForgotPassword(w.ctx, authority.Visitor{IP: fmt.Sprintf("198.51.100.%d", minute)}, w.owner.Email))
		live := w.count("SELECT count(*) FROM link WHERE member_id = $1 AND expires_at > $2", w.owner.ID, w.clock.Now().UnixMicro())
		if live == 0 {
			t.Fatalf("minute %d: no link lives, and none is sent", minute)
		}
		w.clock.Advance(time.Minute)
	}
}
