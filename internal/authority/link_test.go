package authority_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey"
	"latchkey/internal/authority"
)

const fresh = "a new sentence nobody guesses"

// linked asks for a reset and returns the token that the mail has.
func (w *world) linked(email string) string {
	w.t.Helper()
	w.must(w.ForgotPassword(w.ctx, home, email))
	return w.token()
}

// token is the one of the newest letter with a link.
func (w *world) token() string {
	w.t.Helper()
	for _, l := range slices.Backward(w.letters()) {
		if l.Kind == latchkey.LetterReset {
			facts, err := w.store.Facts(w.ctx, l)
			w.must(err)
			return facts.Link.Token.Reveal()
		}
	}
	w.t.Fatal("no letter with a link was written")
	return ""
}

func TestForgottenPasswordIsSetByTheLinkAndEndsEverySession(t *testing.T) {
	onEach(t, func(w *world) {
		owner := w.signIn(w.owner)
		k := w.put(w.account, latchkey.StatusActive)
		open := w.edit(owner, k, latchkey.Read)
		_, session := w.signInToken(w.owner)
		token := w.linked(w.owner.Email)
		is(w, "length of the token", len(token), 43) // 256 bits
		for _, bad := range []string{"short", w.owner.Email} {
			w.refused(w.ResetPassword(w.ctx, home, token, bad), "invalid_password")
		}
		w.must(w.ResetPassword(w.ctx, home, token, fresh))
		_, _, _, err := w.Authenticate(w.ctx, session, home.IP)
		w.refused(err, "not_signed_in")
		p, err := w.store.Pending(w.ctx, open.Pending.ID)
		w.must(err)
		is(w, "state of what waited", p.State, latchkey.PendingCancelled)
		_, err = w.SignIn(w.ctx, home, w.owner.Email, password)
		w.refused(err, "wrong_credentials")
		in, err := w.SignIn(w.ctx, home, w.owner.Email, fresh)
		w.must(err)
		if in.Step == nil || in.Session.Full {
			t.Fatal("a mailbox alone gets in: the second factor was not asked for")
		}
		w.refused(w.ResetPassword(w.ctx, home, token, fresh), "invalid_link")
		is(w, "asked, recorded", slices.Contains(w.types(), latchkey.ActResetAsked), true)
		is(w, "reset, recorded", slices.Contains(w.types(), latchkey.ActPasswordReset), true)
		told := false
		for _, l := range w.letters() {
			told = told || (l.Kind == latchkey.LetterNotice && l.MemberID == w.owner.ID)
		}
		is(w, "the owner is told", told, true)
	})
}

func TestALinkLivesThirtyMinutesAndTheNewestOnly(t *testing.T) {
	w := newWorld(t)
	first := w.linked(w.owner.Email)
	second := w.linked(w.owner.Email)
	w.refused(w.ResetPassword(w.ctx, home, first, fresh), "invalid_link")
	w.clock.Advance(30*time.Minute - time.Microsecond)
	w.must(w.ResetPassword(w.ctx, home, second, fresh))
	third := w.linked(w.owner.Email)
	w.clock.Advance(30 * time.Minute)
	w.refused(w.ResetPassword(w.ctx, home, third, fresh), "invalid_link")
}

// The twin of the test above: with links that live longer the same token is
// accepted, so it is the expiry that refuses it there.
func TestALinkWithALongerLifeIsAccepted(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.LinkLife = time.Hour
	w.Authority = authority.New(w.config)
	token := w.linked(w.owner.Email)
	w.clock.Advance(30 * time.Minute)
	w.must(w.ResetPassword(w.ctx, home, token, fresh))
}

// Same answer, same statements, for an address that nobody has; and no letter
// that could be sent.
func TestForgottenPasswordTellsNobodyWhoExists(t *testing.T) {
	w := newWorld(t)
	work := func(ip, email string) (rows [4]int, err error) {
		before := w.tables()
		err = w.ForgotPassword(w.ctx, authority.Visitor{IP: ip}, email)
		for i, n := range w.tables() {
			rows[i] = n - before[i]
		}
		return rows, err
	}
	known, err := work("198.51.100.1", w.owner.Email)
	w.must(err)
	unknown, err := work("198.51.100.2", "nobody@example.com")
	w.must(err)
	if diff := cmp.Diff(known, unknown); diff != "" || known[0] == 0 {
		t.Errorf("rows written for somebody and for nobody differ: %v\n%s", known, diff)
	}
	sent := 0
	for _, l := range w.letters() {
		if _, err := w.store.Facts(w.ctx, l); err == nil {
			sent++
		} else {
			w.refused(err, "not_found")
		}
	}
	is(w, "letters that can be sent", sent, 1)
	w.refused(w.ForgotPassword(w.ctx, home, "no address"), "invalid_email")
}

func (w *world) tables() (n [4]int) {
	w.t.Helper()
	for i, table := range []string{"link", "activity", "goqite", "bucket"} {
		n[i] = w.count("SELECT count(*) FROM " + table)
	}
	return n
}

// The attack: somebody fills the owner's mailbox, from many sources.
func TestLettersToOneAddressAreBoundedAndAnsweredAlike(t *testing.T) {
	w := newWorld(t)
	for i := range 50 {
		w.must(w.ForgotPassword(w.ctx, authority.Visitor{IP: fmt.Sprintf("198.51.100.%d", i)}, w.owner.Email))
	}
	is(w, "links that were made", w.count("SELECT count(*) FROM activity WHERE type = 'reset_asked'"), 5)
	w.must(w.ResetPassword(w.ctx, home, w.token(), fresh)) // the last of the five still works
	w.clock.Advance(time.Hour)
	w.linked(w.owner.Email)
}

func TestOneSourceAsksForSoManyResetsOnly(t *testing.T) {
	w := newWorld(t)
	for i := range 20 {
		w.must(w.ForgotPassword(w.ctx, home, fmt.Sprintf("nobody-%d@example.com", i)))
	}
	err := w.ForgotPassword(w.ctx, home, w.owner.Email)
	w.refused(err, "too_many_requests")
	if e, _ := errors.AsType[*latchkey.Error](err); e.RetryAfter < 1 || e.RetryAfter > 3601 {
		t.Errorf("Retry-After is %d", e.RetryAfter)
	}
	w.must(w.ForgotPassword(w.ctx, authority.Visitor{IP: "198.51.100.7"}, w.owner.Email))
}

func TestGuessesOfATokenAreBoundedAndNoneIsRight(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.SignInsPerSource = 3
	w.Authority = authority.New(w.config)
	token := w.linked(w.owner.Email)
	for _, guess := range []string{"", token[:42], strings.ToUpper(token)} {
		w.refused(w.ResetPassword(w.ctx, home, guess, fresh), "invalid_link")
	}
	w.refused(w.ResetPassword(w.ctx, home, token, fresh), "too_many_requests")
	w.must(w.ResetPassword(w.ctx, authority.Visitor{IP: "198.51.100.7"}, token, fresh))
}

// Of many who use one link at once one sets the password.
func TestOneLinkAtOnceSetsOnePassword(t *testing.T) {
	w := newWorld(t)
	token := w.linked(w.owner.Email)
	var wins, losses int
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			err := w.ResetPassword(w.ctx, home, token, fmt.Sprintf("a sentence with number %d", i))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				wins++
			} else if latchkey.Code(err) == "invalid_link" {
				losses++
			}
		})
	}
	all.Wait()
	is(w, "passwords that were set", wins, 1)
	is(w, "refusals", losses, 7)
}

func TestTheTokenStandsNowhereInClear(t *testing.T) {
	w := newWorld(t)
	w.must(w.ForgotPassword(w.ctx, home, w.owner.Email))
	rows := w.count("SELECT count(*) FROM link WHERE length(token) > 43")
	is(w, "sealed tokens", rows, 1)
	token := w.token()
	is(w, "tokens in clear", w.count("SELECT count(*) FROM link WHERE token = $1 OR token_hash = $2", []byte(token), token), 0)
	is(w, "tokens in activities", w.count("SELECT count(*) FROM activity WHERE note LIKE $1 OR subject LIKE $1", "%"+token+"%"), 0)
}

// unpeopled is a world without any account, as at the first start.
func unpeopled(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	for _, table := range []string{"recovery_code", "factor", "session", "member", "account"} {
		w.raw("DELETE FROM " + table)
	}
	return w
}

func (w *world) setup(token latchkey.Secret) (latchkey.Account, latchkey.Member, error) {
	return w.SetUp(w.ctx, home, authority.FirstStart{Token: token.Reveal(), Account: "First Ltd", Email: "First@Example.com", Password: fresh})
}

func TestTheFirstStartMakesTheOwnerOnce(t *testing.T) {
	w := unpeopled(t)
	old, err := w.OpenSetup(w.ctx)
	w.must(err)
	token, err := w.OpenSetup(w.ctx)
	w.must(err)
	_, _, err = w.setup(old)
	w.refused(err, "invalid_link")
	for _, bad := range []authority.FirstStart{
		{Token: token.Reveal(), Account: "", Email: "first@example.com", Password: fresh},
		{Token: token.Reveal(), Account: "First", Email: "no address", Password: fresh},
		{Token: token.Reveal(), Account: "First", Email: "first@example.com", Password: "short"},
	} {
		if _, _, err := w.SetUp(w.ctx, home, bad); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	account, owner, err := w.setup(token)
	w.must(err)
	is(w, "role", owner.Role, latchkey.RoleOwner)
	is(w, "address", owner.Email, "first@example.com")
	is(w, "account", owner.AccountID, account.ID)
	in, err := w.SignIn(w.ctx, home, owner.Email, fresh)
	w.must(err)
	is(w, "owner signs in", w.who(in.Token).Owner(), true)
	_, _, err = w.setup(token)
	w.refused(err, "invalid_link")
	_, err = w.OpenSetup(w.ctx)
	w.refused(err, "already_set_up")
	is(w, "entries", w.count("SELECT count(*) FROM activity WHERE account_id = $1 AND type IN ('account_created', 'member_added')", account.ID), 2)
}

func TestASetUpLinkIsWorthNothingBesideAnAccountOrAfterHalfAnHour(t *testing.T) {
	w := unpeopled(t)
	token, err := w.OpenSetup(w.ctx)
	w.must(err)
	w.clock.Advance(30 * time.Minute)
	_, _, err = w.setup(token)
	w.refused(err, "invalid_link")
	token, err = w.OpenSetup(w.ctx)
	w.must(err)
	_, err = w.Operator().CreateAccount(w.ctx, "Made by the operator")
	w.must(err)
	_, _, err = w.setup(token)
	w.refused(err, "already_set_up")
}

// A link of one kind opens nothing of the other.
func TestLinksAreNotMixed(t *testing.T) {
	w := newWorld(t)
	token := w.linked(w.owner.Email)
	_, _, err := w.setup(latchkey.Secret(token))
	w.refused(err, "invalid_link")
	empty := unpeopled(t)
	setup, err := empty.OpenSetup(empty.ctx)
	empty.must(err)
	empty.refused(empty.ResetPassword(empty.ctx, home, setup.Reveal(), fresh), "invalid_link")
}

func TestRefusedCallsAreCountedByTheHourForTheOwnerOnly(t *testing.T) {
	w := newWorld(t)
	owner, sub := w.signIn(w.owner), w.signIn(w.sub)
	k, rival := w.put(w.account, latchkey.StatusActive), w.rivalKey()
	note := func(id string, n int64) {
		w.must(w.store.NoteUse(w.ctx, []latchkey.KeyUse{{KeyID: id, Refused: n}}, nil))
	}
	note(k.ID, 5) // falls out of the day
	w.clock.Advance(time.Hour)
	note(k.ID, 2)
	w.clock.Advance(23 * time.Hour)
	note(k.ID, 7)
	note(rival, 9)
	got, err := w.RefusedByHour(w.ctx, owner)
	w.must(err)
	want := map[string][authority.Day]int64{k.ID: {0: 2, 23: 7}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	_, err = w.RefusedByHour(w.ctx, sub)
	w.refused(err, "forbidden")
}

// rivalKey is a key of another account.
func (w *world) rivalKey() string {
	w.t.Helper()
	account, _ := w.tenant("Southwind", "rival@example.com")
	return w.put(account, latchkey.StatusActive).ID
}
