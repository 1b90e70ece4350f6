package authority_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/go-cmp/cmp"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/verify"
)

var home = authority.Visitor{IP: "192.0.2.7", UserAgent: "test"}

// Fault 16. Somebody tries a list of addresses to learn which have an account,
// by the answer or by the time that it takes (CWE-204).
func TestUnknownAddressAndWrongPasswordAreTheSame(t *testing.T) {
	w := newWorld(t)
	_, err := w.Operator().AddMember(w.ctx, w.account, "real@example.com", latchkey.RoleSubuser, password) // with the real costs
	w.must(err)
	var hashes []string
	w.WatchCompares(func(hash string) { hashes = append(hashes, hash) })
	before := len(w.types())
	var answers []error
	for _, email := range []string{"real@example.com", "nobody@example.com"} {
		_, err := w.SignIn(w.ctx, home, email, "a wrong password")
		w.refused(err, "wrong_credentials")
		answers = append(answers, err)
	}
	if diff := cmp.Diff(answers[0], answers[1]); diff != "" {
		t.Fatalf("the answers tell who exists:\n%s", diff)
	}
	is(w, "comparisons", len(hashes), 2)
	for _, hash := range hashes {
		params, _, _, err := argon2id.DecodeHash(hash)
		w.must(err)
		if diff := cmp.Diff(authority.PasswordParams, params); diff != "" {
			t.Errorf("a comparison costs something else:\n%s", diff)
		}
	}
	is(w, "entries of the account", len(w.types()), before+1)
	is(w, "failed sign-ins that are recorded", w.count("SELECT count(*) FROM activity WHERE type = 'sign_in_failed'"), 2)
}

// Whoever finds the password behind the hash that stands in for nobody's must
// not become nobody.
func TestNobodySignsInAsNobody(t *testing.T) {
	w := newWorld(t)
	w.BelieveEveryPassword()
	_, err := w.SignIn(w.ctx, home, "nobody@example.com", "the password behind the dummy")
	w.refused(err, "wrong_credentials")
	_, err = w.SignIn(w.ctx, home, w.sub.Email, "anything")
	w.must(err)
}

func TestWhatIsNoAddressOrNoPasswordSignsNobodyIn(t *testing.T) {
	w := newWorld(t)
	for _, email := range []string{"", "owner", "Owner <owner@example.com>", "owner@example.com\n", "owner@example.com'--"} {
		if email == "owner@example.com\n" {
			email = "owner@exa\nmple.com" // white space around it is dropped
		}
		_, err := w.SignIn(w.ctx, home, email, password)
		w.refused(err, "wrong_credentials")
	}
	for _, wrong := range []string{"", password + " ", password[:len(password)-1], fmt.Sprintf("%02000d", 1)} {
		_, err := w.SignIn(w.ctx, home, w.owner.Email, wrong)
		w.refused(err, "wrong_credentials")
	}
	_, err := w.SignIn(w.ctx, home, " OWNER@Example.com ", password)
	w.must(err)
}

func TestSignInsOfASourceAreBounded(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.SignInsPerSource, w.config.Limits.SignInsPerAddress = 6, 3
	w.Authority = authority.New(w.config)
	try := func(ip, email string) error {
		_, err := w.SignIn(w.ctx, authority.Visitor{IP: ip}, email, "a wrong password")
		return err
	}
	for range 3 {
		w.refused(try("198.51.100.1", w.owner.Email), "wrong_credentials")
	}
	w.clock.Advance(time.Minute)
	err := try("198.51.100.1", w.owner.Email)
	w.refused(err, "too_many_sign_ins")
	e, _ := errors.AsType[*latchkey.Error](err)
	if e.Kind != latchkey.KindLimit || e.RetryAfter < 1 || e.RetryAfter > 14*60+1 {
		t.Fatalf("refusal %+v, want a limit with Retry-After", e)
	}
	// The right password neither: else the bound would tell it.
	_, err = w.SignIn(w.ctx, authority.Visitor{IP: "198.51.100.1"}, w.owner.Email, password)
	w.refused(err, "too_many_sign_ins")
	w.refused(try("198.51.100.1", "other@example.com"), "wrong_credentials")
	w.refused(try("::ffff:198.51.100.1", "more@example.com"), "too_many_sign_ins") // the same source, and the 7th in all
	w.refused(try("198.51.100.2", w.owner.Email), "wrong_credentials")             // nobody is shut out by somebody else
	w.clock.Advance(time.Duration(e.RetryAfter) * time.Second)
	w.refused(try("198.51.100.1", w.owner.Email), "wrong_credentials")
	for i := range 6 { // one subscriber has a whole /64
		w.refused(try(fmt.Sprintf("2001:db8:1:2::%x", i+1), fmt.Sprintf("m%d@example.com", i)), "wrong_credentials")
	}
	w.refused(try("2001:db8:1:2:ffff::1", "m9@example.com"), "too_many_sign_ins")
	w.refused(try("2001:db8:1:3::1", "m9@example.com"), "wrong_credentials")
}

func TestSessionBeforeItsSecondStepReachesNothingElse(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, secret := w.active(owner, "bot-1")
	in, err := w.SignIn(w.ctx, home, w.owner.Email, password)
	w.must(err)
	half := w.who(in.Token)
	idem := authority.Idempotency{}
	for what, err := range map[string]error{
		"Create":         func() error { return w.ask(latchkey.OpCreate, half, k) }(),
		"Edit":           w.ask(latchkey.OpEdit, half, k),
		"Activate":       w.ask(latchkey.OpActivate, half, k),
		"Deactivate":     w.ask(latchkey.OpDeactivate, half, k),
		"Delete":         w.ask(latchkey.OpDelete, half, k),
		"Keys":           err2(w.Keys(w.ctx, half)),
		"Activities":     err2(w.Activities(w.ctx, half, latchkey.ActivityQuery{})),
		"Members":        err2(w.Members(w.ctx, half)),
		"Account":        err2(w.Account(w.ctx, half)),
		"Sessions":       err2(w.Sessions(w.ctx, half)),
		"EndSession":     w.EndSession(w.ctx, half, owner.SessionID),
		"ChangePassword": w.ChangePassword(w.ctx, half, password, "another horse, another battery"),
		"EnrolTOTP":      err2(w.EnrolTOTP(w.ctx, half, password, idem)),
		"EnrolPhone":     err2(w.EnrolPhone(w.ctx, half, password, "+35312345678", idem)),
		"RemoveFactor":   err2(w.RemoveFactor(w.ctx, half, w.app.ID, password)),
		"RenewRecovery":  err2(w.RenewRecovery(w.ctx, half, password, idem)),
	} {
		if latchkey.Code(err) != "forbidden" {
			t.Errorf("%s: error %v, want forbidden", what, err)
		}
	}
	_, _, err = w.Factors(w.ctx, half)
	w.refused(err, "forbidden")
	w.stillAs(k, secret)
	// It signs in, or out, and that is all.
	w.confirm(half, *in.Step)
	in, err = w.SignIn(w.ctx, home, w.owner.Email, password)
	w.must(err)
	w.must(w.SignOut(w.ctx, w.who(in.Token)))
	_, _, _, err = w.Authenticate(w.ctx, in.Token, home.IP)
	w.refused(err, "not_signed_in")
}

func TestSessionsAreTheConsolesAlone(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	for _, source := range []latchkey.Source{latchkey.SourceOperator, latchkey.SourceSystem, ""} {
		forged := owner
		forged.Source = source
		_, _, err := w.Factors(w.ctx, forged)
		w.refused(err, "forbidden")
		w.refused(w.ChangePassword(w.ctx, forged, password, "another horse, another battery"), "forbidden")
		w.refused(w.SignOut(w.ctx, forged), "forbidden")
	}
}

// The twin: were the role given before the second step, a stolen password
// would be enough to stop a key.
func TestWithARoleTheFirstStepWouldBeEnough(t *testing.T) {
	w := newWorld(t)
	k, secret := w.active(w.signIn(w.owner), "bot-1")
	in, err := w.SignIn(w.ctx, home, w.owner.Email, password)
	w.must(err)
	half := w.who(in.Token)
	half.Role = latchkey.RoleOwner
	_, _, err = w.Deactivate(w.ctx, half, k.ID)
	w.must(err)
	is(w, "call after the attack", w.call(k, secret, latchkey.Read), verify.KeyNotActivated)
}

func TestSecondStepGivesAnotherToken(t *testing.T) {
	onEach(t, func(w *world) {
		mark := len(w.types())
		in, err := w.SignIn(w.ctx, home, w.owner.Email, password)
		w.must(err)
		is(w, "session full before its second step", in.Session.Full, false)
		half := w.who(in.Token)
		is(w, "role before the second step", half.Role, "")
		out := w.confirm(half, *in.Step)
		if out.Token == in.Token || len(out.Token) < 43 {
			w.t.Fatalf("the second step gives the token %q after %q", out.Token, in.Token)
		}
		_, _, _, err = w.Authenticate(w.ctx, in.Token, home.IP)
		w.refused(err, "not_signed_in")
		full := w.who(out.Token)
		is(w, "session", full.SessionID, half.SessionID)
		is(w, "role", full.Role, latchkey.RoleOwner)
		is(w, "end of the session", out.Session.EndsAt, in.Session.CreatedAt.Add(24*time.Hour))
		want := []latchkey.ActivityType{latchkey.ActPendingOpened, latchkey.ActSignedIn} // not before the second step
		if diff := cmp.Diff(want, w.types()[mark:]); diff != "" {
			w.t.Fatalf("activities (-want +got):\n%s", diff)
		}
	})
}

func TestSecondStepHasFifteenMinutes(t *testing.T) {
	w := newWorld(t)
	in, err := w.SignIn(w.ctx, home, w.owner.Email, password)
	w.must(err)
	w.clock.Advance(15*time.Minute - time.Second)
	w.who(in.Token)
	w.clock.Advance(time.Second)
	_, _, _, err = w.Authenticate(w.ctx, in.Token, home.IP)
	w.refused(err, "session_ended")
}

func TestCancelledSignInStaysHalf(t *testing.T) {
	w := newWorld(t)
	in, err := w.SignIn(w.ctx, home, w.owner.Email, password)
	w.must(err)
	half := w.who(in.Token)
	w.must(w.Cancel(w.ctx, half, in.Step.Pending.ID))
	_, err = w.Confirm(w.ctx, half, in.Step.Pending.ID, code(w.right(in.Step.Pending.ID)))
	w.refused(err, "pending_cancelled")
	is(w, "role", w.who(in.Token).Role, "")
}

func TestSessionEndsWhenItIsIdleForAnHour(t *testing.T) {
	w := newWorld(t)
	_, token := w.signInToken(w.owner)
	w.clock.Advance(time.Minute)
	w.who(token)
	for range 3 { // each use counts
		w.clock.Advance(time.Hour - time.Second)
		w.who(token)
	}
	w.clock.Advance(time.Hour)
	_, _, _, err := w.Authenticate(w.ctx, token, home.IP)
	w.refused(err, "session_ended")
}

func TestSessionEndsAfterADay(t *testing.T) {
	w := newWorld(t)
	begin := w.clock.Now()
	_, token := w.signInToken(w.owner)
	for w.clock.Now().Before(begin.Add(24*time.Hour - 30*time.Minute)) {
		w.clock.Advance(30 * time.Minute)
		w.who(token)
	}
	w.clock.Advance(begin.Add(24*time.Hour - time.Second).Sub(w.clock.Now()))
	w.who(token)
	w.clock.Advance(time.Second)
	_, _, _, err := w.Authenticate(w.ctx, token, home.IP)
	w.refused(err, "session_ended")
}

func TestMemberEndsOwnSessionsOnly(t *testing.T) {
	w := newWorld(t)
	here, token := w.signInToken(w.owner)
	_, there := w.signInToken(w.owner)
	sub, subToken := w.signInToken(w.sub)
	w.refused(w.EndSession(w.ctx, sub, here.SessionID), "not_found")
	all, err := w.Sessions(w.ctx, here)
	w.must(err)
	is(w, "own sessions", len(all), 2)
	for _, s := range all {
		if s.ID != here.SessionID {
			w.must(w.EndSession(w.ctx, here, s.ID))
			w.refused(w.EndSession(w.ctx, here, s.ID), "not_found")
		}
	}
	_, _, _, err = w.Authenticate(w.ctx, there, home.IP)
	w.refused(err, "not_signed_in")
	w.must(w.SignOut(w.ctx, here))
	_, _, _, err = w.Authenticate(w.ctx, token, home.IP)
	w.refused(err, "not_signed_in")
	w.who(subToken)
	for _, token := range []string{"", "x", token + "x"} {
		_, _, _, err = w.Authenticate(w.ctx, token, home.IP)
		w.refused(err, "not_signed_in")
	}
}

func TestPasswordChangeEndsTheOtherSessions(t *testing.T) {
	w := newWorld(t)
	here, token := w.signInToken(w.owner)
	_, there := w.signInToken(w.owner)
	next := "another horse, another battery"
	for _, bad := range []string{"short", w.owner.Email, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		w.refused(w.ChangePassword(w.ctx, here, password, bad), "invalid_password")
	}
	w.refused(w.ChangePassword(w.ctx, here, "a wrong password", next), "wrong_password")
	w.must(w.ChangePassword(w.ctx, here, password, next))
	w.who(token)
	_, _, _, err := w.Authenticate(w.ctx, there, home.IP)
	w.refused(err, "not_signed_in")
	_, err = w.SignIn(w.ctx, home, w.owner.Email, password)
	w.refused(err, "wrong_credentials")
	_, err = w.SignIn(w.ctx, home, w.owner.Email, next)
	w.must(err)
	is(w, "the change is recorded", slices.Contains(w.types(), latchkey.ActPasswordChanged), true)
}

func TestGuessesOfThePasswordWithinASessionAreBounded(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.SignInsPerAddress = 3
	w.Authority = authority.New(w.config)
	owner := w.signIn(w.owner)
	for range 3 {
		_, err := w.EnrolTOTP(w.ctx, owner, "a wrong password", authority.Idempotency{})
		w.refused(err, "wrong_password")
	}
	err := w.ChangePassword(w.ctx, owner, password, "another horse, another battery")
	w.refused(err, "too_many_sign_ins")
	if e, _ := errors.AsType[*latchkey.Error](err); e.RetryAfter < 1 || e.RetryAfter > 15*60+1 {
		t.Fatalf("Retry-After is %d", e.RetryAfter)
	}
}
