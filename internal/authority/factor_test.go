package authority_test

import (
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/authority"
)

var once = authority.Idempotency{}

func TestFirstFactorNeedsPasswordAndItsOwnProof(t *testing.T) {
	onEach(t, func(w *world) {
		sub := w.signIn(w.sub)
		_, err := w.EnrolTOTP(w.ctx, sub, "a wrong password", once)
		w.refused(err, "wrong_password")
		step, err := w.EnrolTOTP(w.ctx, sub, password, once)
		w.must(err)
		is(w, "proof", step.Pending.Proof, latchkey.ProofNewFactor)
		seed := step.Enrolment.Secret
		uri, err := url.Parse(step.Enrolment.URI.Reveal())
		w.must(err)
		is(w, "seed in the URI", uri.Query().Get("secret"), seed.Reveal())
		is(w, "member in the URI", strings.Contains(uri.Path, w.sub.Email), true)
		shown, err := w.Pending(w.ctx, sub, step.Pending.ID)
		w.must(err)
		is(w, "seed in a later look", shown.Enrolment, nil)
		_, err = w.Confirm(w.ctx, sub, step.Pending.ID, w.wrong(step.Pending.ID))
		w.refused(err, "wrong_code")
		w.enrolled(sub, 0, 0)
		code := code(w.totp(seed))
		out, err := w.Confirm(w.ctx, sub, step.Pending.ID, code)
		w.must(err)
		is(w, "recovery codes", len(out.RecoveryCodes), 10)
		w.enrolled(sub, 1, 10)
		// The code that validated the app does not work a second time.
		in, err := w.SignIn(w.ctx, home, w.sub.Email, password)
		w.must(err)
		_, err = w.Confirm(w.ctx, w.who(in.Token), in.Step.Pending.ID, code)
		w.refused(err, "code_used")
		w.confirm(w.who(in.Token), *in.Step)
	})
}

// enrolled demands that many factors and unused recovery codes.
func (w *world) enrolled(actor latchkey.Actor, factors, codes int) {
	w.t.Helper()
	all, left, err := w.Factors(w.ctx, actor)
	w.must(err)
	is(w, "factors", len(all), factors)
	is(w, "recovery codes that are left", left, codes)
}

func TestFurtherFactorNeedsAnExistingOnesProof(t *testing.T) {
	onEach(t, func(w *world) {
		owner := w.signIn(w.owner)
		step, err := w.EnrolTOTP(w.ctx, owner, password, once)
		w.must(err)
		is(w, "operation", step.Pending.Operation, latchkey.OpEnrolFactor)
		is(w, "seed before the existing factor's proof", step.Enrolment, nil)
		out := w.confirm(owner, step)
		w.enrolled(owner, 1, 0) // the new one has not proved itself
		is(w, "operation that follows", out.Next.Pending.Operation, latchkey.OpValidateFactor)
		old, err := w.Confirm(w.ctx, owner, out.Next.Pending.ID, code(w.totp(step.Pending.NewSecret)))
		w.must(err)
		is(w, "factor", old.Factor.Kind, latchkey.FactorTOTP)
		w.enrolled(owner, 2, 10)
		phone := w.enrolPhone(owner, "+353 1 234-5678")
		is(w, "label of the phone", strings.Contains(phone.Label, "1234"), false)
		w.enrolled(owner, 3, 10)
		notices := 0
		for _, l := range w.letters() {
			if l.Kind == latchkey.LetterNotice && l.MemberID == w.owner.ID {
				notices++
			}
		}
		is(w, "mails about the new factors", notices, 2)
	})
}

func TestOldFactorsCodeDoesNotValidateTheNewOne(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	step, err := w.EnrolTOTP(w.ctx, owner, password, once)
	w.must(err)
	next := w.confirm(owner, step).Next
	_, seed, _, err := w.store.FactorSecret(w.ctx, w.owner.ID, w.app.ID)
	w.must(err)
	w.clock.Advance(30 * time.Second)
	_, err = w.Confirm(w.ctx, owner, next.Pending.ID, code(w.totp(seed)))
	w.refused(err, "wrong_code")
}

// The attack: with a stolen password, begin to enrol while the member has no
// factor, wait until the member has one, and then finish, so that nothing but
// the password was ever asked.
func TestFirstFactorThatWaitedDiesWithAnotherOne(t *testing.T) {
	onEach(t, func(w *world) {
		sub, thief := w.signIn(w.sub), w.signIn(w.sub)
		theirs, err := w.EnrolTOTP(w.ctx, thief, password, once)
		w.must(err)
		answer := code(w.right(theirs.Pending.ID))
		mine, err := w.EnrolTOTP(w.ctx, sub, password, once)
		w.must(err)
		w.confirm(sub, mine)
		_, err = w.Confirm(w.ctx, thief, theirs.Pending.ID, answer)
		w.refused(err, "pending_cancelled")
		w.enrolled(sub, 1, 10)
		again, err := w.EnrolTOTP(w.ctx, thief, password, once)
		w.must(err)
		is(w, "operation", again.Pending.Operation, latchkey.OpEnrolFactor)
	})
}

// The same attack, timed so that the member's factor comes between the look at
// the factors and the opening of the pending.
func TestFirstFactorIsNotBegunBesideAnother(t *testing.T) {
	onEach(t, func(w *world) {
		thief := w.signIn(w.sub)
		timed := w.over(&loose{opening: func() { w.enrolApp(w.sub) }})
		_, err := timed.EnrolTOTP(w.ctx, thief, password, once)
		w.refused(err, "factors_changed")
		is(w, "pendings that were opened", w.count("SELECT count(*) FROM pending"), 0)
	})
}

func TestOfManyFirstFactorsAtOnceOneIsEnrolled(t *testing.T) {
	w := newWorld(t)
	sub := w.signIn(w.sub)
	var ids []string
	for range 8 {
		step, err := w.EnrolTOTP(w.ctx, sub, password, once)
		w.must(err)
		ids = append(ids, step.Pending.ID)
	}
	answers := make([]authority.Answer, len(ids))
	for i, id := range ids {
		answers[i] = code(w.totp(w.pending(id).NewSecret))
	}
	var wins atomic.Int64
	crowd(len(ids), len(ids), func(i int) {
		if _, err := w.Confirm(w.ctx, sub, ids[i], answers[i]); err == nil {
			wins.Add(1)
		}
	})
	is(w, "factors that were enrolled", wins.Load(), 1)
	w.enrolled(sub, 1, 10)
}

func (w *world) pending(id string) latchkey.Pending {
	w.t.Helper()
	p, err := w.store.Pending(w.ctx, id)
	w.must(err)
	return p
}

// The twin: a database that does not drop the waiting enrolment lets it in.
func TestWithoutTheDropTheWaitingFactorGetsIn(t *testing.T) {
	w := newWorld(t)
	w.raw("CREATE TRIGGER keep BEFORE UPDATE OF state ON pending WHEN NEW.state = 'cancelled' BEGIN SELECT RAISE(IGNORE); END")
	sub, thief := w.signIn(w.sub), w.signIn(w.sub)
	theirs, err := w.EnrolTOTP(w.ctx, thief, password, once)
	w.must(err)
	mine, err := w.EnrolTOTP(w.ctx, sub, password, once)
	w.must(err)
	w.confirm(sub, mine)
	w.confirm(thief, theirs)
	w.enrolled(sub, 2, 10)
}

func TestLastFactorStays(t *testing.T) {
	onEach(t, func(w *world) {
		owner := w.signIn(w.owner)
		_, err := w.RemoveFactor(w.ctx, owner, w.app.ID, password)
		w.refused(err, "last_factor")
		phone := w.enrolPhone(owner, "+35312345678")
		_, err = w.RemoveFactor(w.ctx, owner, phone.ID, "a wrong password")
		w.refused(err, "wrong_password")
		_, err = w.RemoveFactor(w.ctx, owner, "fac_nobody", password)
		w.refused(err, "no_such_factor")
		// The attack: begin to remove both while there are two.
		one, err := w.RemoveFactor(w.ctx, owner, phone.ID, password)
		w.must(err)
		two, err := w.RemoveFactor(w.ctx, owner, w.app.ID, password)
		w.must(err)
		w.confirm(owner, one)
		_, err = w.Confirm(w.ctx, owner, two.Pending.ID, code(w.right(two.Pending.ID)))
		w.refused(err, "pending_cancelled")
		w.enrolled(owner, 1, 10)
		// Nor by writing the pending's state back: the deed looks itself.
		w.raw("UPDATE pending SET state = 'open' WHERE id = $1", two.Pending.ID)
		_, err = w.Confirm(w.ctx, owner, two.Pending.ID, code(w.right(two.Pending.ID)))
		w.refused(err, "last_factor")
		w.enrolled(owner, 1, 10)
		is(w, "removals that are recorded", len(w.activities(latchkey.ActivityQuery{Types: []latchkey.ActivityType{latchkey.ActFactorRemoved}})), 1)
	})
}

func TestFactorThatWasRemovedProvesNothing(t *testing.T) {
	for name, gone := range map[string]func(app, phone latchkey.Factor) (gone, left latchkey.Factor){
		"phone": func(app, phone latchkey.Factor) (latchkey.Factor, latchkey.Factor) { return phone, app },
		"app":   func(app, phone latchkey.Factor) (latchkey.Factor, latchkey.Factor) { return app, phone },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			owner := w.signIn(w.owner)
			removed, left := gone(w.app, w.enrolPhone(owner, "+35312345678"))
			k, secret := w.active(owner, "bot-1")
			step := w.edit(owner, k, rw)
			choose := func(id, factor string) {
				_, err := w.Choose(w.ctx, owner, id, factor)
				w.must(err)
			}
			choose(step.Pending.ID, removed.ID)
			answer := code(w.right(step.Pending.ID))
			removal, err := w.RemoveFactor(w.ctx, owner, removed.ID, password)
			w.must(err)
			choose(removal.Pending.ID, left.ID)
			w.confirm(owner, removal)
			_, err = w.Confirm(w.ctx, owner, step.Pending.ID, answer)
			w.refused(err, "factor_not_found")
			w.stillAs(k, secret)
			w.clock.Advance(2 * time.Minute)
			choose(step.Pending.ID, left.ID) // the form is not lost
			w.confirm(owner, step)
		})
	}
}

func TestRepeatedEnrolmentIsTheSameOne(t *testing.T) {
	w := newWorld(t)
	sub := w.signIn(w.sub)
	key := authority.Idempotency{Key: "k1", Digest: "d1"}
	first, err := w.EnrolTOTP(w.ctx, sub, password, key)
	w.must(err)
	again, err := w.EnrolTOTP(w.ctx, sub, password, key)
	w.must(err)
	is(w, "repeated", again.Repeated && !first.Repeated, true)
	is(w, "pending", again.Pending.ID, first.Pending.ID)
	is(w, "seed, had the first answer got lost", again.Enrolment.Secret, first.Enrolment.Secret)
	_, err = w.EnrolTOTP(w.ctx, sub, password, authority.Idempotency{Key: "k1", Digest: "d2"})
	w.refused(err, "idempotency_key_reused")
	_, err = w.EnrolTOTP(w.ctx, sub, "a wrong password", key)
	w.refused(err, "wrong_password")
	_, err = w.EnrolTOTP(w.ctx, w.signIn(w.sub), password, key)
	w.refused(err, "other_session")
	w.confirm(sub, first)
	after, err := w.EnrolTOTP(w.ctx, sub, password, key)
	w.must(err)
	is(w, "seed after the enrolment", after.Enrolment, nil)
	w.enrolled(sub, 1, 10)
}

func TestOperatorCanForbidPhones(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	strict := w.other(func(c *authority.Config) { c.ForbidSMS = true })
	_, err := strict.EnrolPhone(w.ctx, owner, password, "+35312345678", once)
	w.refused(err, "sms_forbidden")
	for _, bad := range []string{"", "35312345678", "+0123456789", "+353abc45678", "+353123456789012345"} {
		_, err = w.EnrolPhone(w.ctx, owner, password, bad, once)
		w.refused(err, "invalid_phone")
	}
}

func TestAtMostFiveFactors(t *testing.T) {
	w := newWorld(t)
	for range 4 {
		w.enrolApp(w.owner)
	}
	_, err := w.EnrolTOTP(w.ctx, w.signIn(w.owner), password, once)
	w.refused(err, "too_many_factors")
}

func TestKeysNeedASecondFactorAtAll(t *testing.T) {
	w := newWorld(t)
	_, rival := w.tenant("Southwind", "rival@example.com")
	owner := w.signIn(rival)
	_, err := w.Create(w.ctx, owner, authority.NewKey{Name: "bot-1", Permissions: rt}, once)
	w.refused(err, "second_factor_required")
	is(w, "key operations that were begun", slices.Contains(w.types(), latchkey.ActPendingOpened), false)
}
