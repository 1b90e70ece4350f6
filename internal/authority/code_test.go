package authority_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/authority"
)

// opened is a pending that asks for a code that was just sent.
type opened struct {
	*world
	owner latchkey.Actor
	id    string
}

// mailed is an activation, whose code goes out by e-mail.
func mailed(w *world) opened {
	w.t.Helper()
	owner := w.signIn(w.owner)
	k, _ := w.create(owner, "bot-1")
	step, err := w.Activate(w.ctx, owner, k.ID, k.Version)
	w.must(err)
	return opened{w, owner, step.Pending.ID}
}

// texted is an edit whose code goes out by SMS.
func texted(w *world) opened {
	w.t.Helper()
	owner := w.signIn(w.owner)
	phone := w.enrolPhone(owner, "+35312345678")
	k, _ := w.create(owner, "bot-1")
	step := w.edit(owner, k, rw)
	_, err := w.Choose(w.ctx, owner, step.Pending.ID, phone.ID)
	w.must(err)
	return opened{w, owner, step.Pending.ID}
}

// validated is a phone that proves itself.
func validated(w *world) opened {
	w.t.Helper()
	sub := w.signIn(w.sub)
	step, err := w.EnrolPhone(w.ctx, sub, password, "+35312345678", authority.Idempotency{})
	w.must(err)
	return opened{w, sub, step.Pending.ID}
}

var senders = map[string]func(w *world) opened{"e-mail": mailed, "SMS": texted, "new phone": validated}

// sent is the newest code.
func (o opened) sent() authority.Answer {
	o.t.Helper()
	return code(o.right(o.id))
}

func (o opened) try(a authority.Answer) error {
	_, err := o.Confirm(o.ctx, o.owner, o.id, a)
	return err
}

func (o opened) resend() error {
	_, err := o.Resend(o.ctx, o.owner, o.id)
	return err
}

func (o opened) shown() authority.Step {
	o.t.Helper()
	step, err := o.Pending(o.ctx, o.owner, o.id)
	o.must(err)
	return step
}

func TestSentCodeLivesFiveMinutes(t *testing.T) {
	for name, open := range senders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o := open(w)
			first := o.sent()
			w.clock.Advance(5 * time.Minute)
			w.refused(o.try(first), "code_expired")
			is(w, "tries left after an expired code", o.shown().TriesLeft, 5)
			w.must(o.resend()) // at once: there is nothing to wait for
			second := o.sent()
			w.refused(o.try(first), "wrong_code")
			w.clock.Advance(4*time.Minute + 59*time.Second)
			w.must(o.try(second))
			w.refused(o.try(second), "pending_confirmed")
		})
	}
}

func TestCodeCanBeSentAgainAfterTwoMinutes(t *testing.T) {
	for name, open := range senders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			o := open(w)
			first := o.sent()
			w.clock.Advance(time.Minute + 59*time.Second)
			err := o.resend()
			w.refused(err, "resend_too_early")
			e, _ := errors.AsType[*latchkey.Error](err)
			is(w, "Retry-After", e.RetryAfter, 1)
			w.clock.Advance(time.Second)
			w.must(o.resend())
			second := o.sent()
			w.refused(o.try(first), "wrong_code")
			is(w, "sends left", o.shown().SendsLeft, 1)
			w.clock.Advance(2 * time.Minute)
			w.must(o.resend())
			third := o.sent()
			is(w, "sends left", o.shown().SendsLeft, 0)
			w.clock.Advance(2 * time.Minute)
			w.refused(o.resend(), "no_sends_left")
			w.refused(o.try(second), "wrong_code")
			w.must(o.try(third))
		})
	}
}

func TestAppHasNothingToSend(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, _ := w.create(owner, "bot-1")
	step := w.edit(owner, k, rw)
	_, err := w.Resend(w.ctx, owner, step.Pending.ID)
	w.refused(err, "no_code_to_send")
	is(w, "time of the next code", step.ResendAt, time.Time{})
	is(w, "end of the code", step.CodeExpiresAt, time.Time{})
}

func TestMemberChoosesAnotherFactor(t *testing.T) {
	onEach(t, func(w *world) {
		o := texted(w)
		sms := o.sent()
		is(w, "factors to choose from", len(o.shown().Factors), 2)
		_, err := w.Choose(w.ctx, o.owner, o.id, w.app.ID)
		w.must(err)
		w.refused(o.try(sms), "wrong_code") // the app is asked now
		_, err = w.Choose(w.ctx, o.owner, o.id, o.shown().Factors[1].ID)
		w.refused(err, "resend_too_early") // choosing is no way around the wait
		_, err = w.Choose(w.ctx, o.owner, o.id, "fac_nobody")
		w.refused(err, "no_such_factor")
		w.must(o.try(code(w.right(o.id))))
		_, err = w.Choose(w.ctx, o.owner, o.id, w.app.ID)
		w.refused(err, "pending_confirmed")
	})
}

func TestEmailCodeIsNoChoice(t *testing.T) {
	w := newWorld(t)
	o := mailed(w)
	is(w, "factors to choose from", len(o.shown().Factors), 0)
	_, err := w.Choose(w.ctx, o.owner, o.id, w.app.ID)
	w.refused(err, "no_choice")
}

func TestFactorOfAnotherMemberCannotBeChosen(t *testing.T) {
	w := newWorld(t)
	foreign := w.enrolApp(w.sub)
	owner := w.signIn(w.owner)
	k, _ := w.create(owner, "bot-1")
	step := w.edit(owner, k, rw)
	_, err := w.Choose(w.ctx, owner, step.Pending.ID, foreign.ID)
	w.refused(err, "no_such_factor")
}

func TestWhatIsNoCodeCostsNoTry(t *testing.T) {
	w := newWorld(t)
	o := mailed(w)
	for _, text := range []string{"", "12345", "1234567", "12345a", "１２３４５６", "123 45", "-12345", "+12345", "0x1234", "12345\x00", "123456\n7"} {
		w.refused(o.try(code(text)), "invalid_code")
	}
	for _, a := range []authority.Answer{{Recovery: "0000-0000-0000-0000"}, {Code: "123456", Recovery: "0000-0000-0000-0000"}, {Recovery: "x"}} {
		w.refused(o.try(a), "recovery_not_accepted")
	}
	is(w, "tries left", o.shown().TriesLeft, 5)
	right := o.right(o.id)
	w.must(o.try(code(" " + right[:3] + " - " + right[3:] + "\n"))) // as it may be pasted
}

func TestCodeOfOnePendingIsWorthNothingInAnother(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	var steps []authority.Step
	for _, name := range []string{"bot-1", "bot-2"} {
		k, _ := w.create(owner, name)
		step, err := w.Activate(w.ctx, owner, k.ID, k.Version)
		w.must(err)
		steps = append(steps, step)
	}
	a, b := opened{w, owner, steps[0].Pending.ID}, opened{w, owner, steps[1].Pending.ID}
	codes := []authority.Answer{a.sent(), b.sent()}
	w.refused(a.try(codes[1]), "wrong_code")
	w.refused(b.try(codes[0]), "wrong_code")
	w.must(a.try(codes[0]))
	w.must(b.try(codes[1]))
}

func TestFiveEvaluationsThenThePendingIsDead(t *testing.T) {
	onEach(t, func(w *world) {
		o := mailed(w)
		for left := 4; left >= 0; left-- {
			err := o.try(w.wrong(o.id))
			e, ok := errors.AsType[*latchkey.Error](err)
			if !ok || e.Left != left {
				w.t.Fatalf("error %v, want %d tries left", err, left)
			}
			w.refused(err, map[bool]string{true: "pending_dead", false: "wrong_code"}[left == 0])
		}
		w.refused(o.try(code("123456")), "pending_dead")
		is(w, "state", o.shown().Pending.State, latchkey.PendingDead)
		is(w, "code of a dead pending", w.pending(o.id).Code, "")
		w.clock.Advance(2 * time.Minute)
		w.refused(o.resend(), "pending_dead")
		w.refused(w.Cancel(w.ctx, o.owner, o.id), "pending_dead")
	})
}

func TestRightCodeAsTheFifthIsTaken(t *testing.T) {
	w := newWorld(t)
	o := mailed(w)
	for range 4 {
		w.refused(o.try(w.wrong(o.id)), "wrong_code")
	}
	w.must(o.try(o.sent()))
}

func TestResendGivesNoMoreTries(t *testing.T) {
	w := newWorld(t)
	o := mailed(w)
	for range 4 {
		w.refused(o.try(w.wrong(o.id)), "wrong_code")
	}
	w.clock.Advance(2 * time.Minute)
	w.must(o.resend())
	w.refused(o.try(w.wrong(o.id)), "pending_dead")
}

func TestTenWrongCodesAnAccountAndHour(t *testing.T) {
	onEach(t, func(w *world) {
		owner := w.signIn(w.owner)
		k, _ := w.create(owner, "bot-1")
		for range 12 { // right ones do not count
			k = *w.confirm(owner, w.edit(owner, k, k.Permissions^latchkey.FundsInternal)).Key
		}
		open := func() opened {
			step, err := w.Activate(w.ctx, owner, k.ID, k.Version)
			w.must(err)
			return opened{w, owner, step.Pending.ID}
		}
		for range 2 {
			o := open()
			for range 5 {
				if err := o.try(w.wrong(o.id)); err == nil {
					w.t.Fatal("a wrong code was accepted")
				}
			}
		}
		o := open()
		err := o.try(o.sent())
		w.refused(err, "too_many_wrong_codes")
		is(w, "tries left of a code that was not looked at", o.shown().TriesLeft, 5)
		e, _ := errors.AsType[*latchkey.Error](err)
		left := w.clock.Now().Truncate(time.Hour).Add(time.Hour).Sub(w.clock.Now())
		if wait := time.Duration(e.RetryAfter) * time.Second; wait < left || wait > left+time.Second {
			w.t.Fatalf("Retry-After %s, want %s", wait, left)
		}
		_, rival := w.tenant("Southwind", "rival@example.com")
		w.enrolApp(rival)
		w.signIn(rival) // another account is not concerned
		w.clock.Advance(left)
		o = open()
		w.must(o.try(o.sent()))
	})
}

// Fault 4. Somebody asks for codes without end: each SMS is paid by the platform
// (SMS pumping), and each mail fills a mailbox (CWE-770, CWE-799).
func TestSixtyCodesAnAccountAndHour(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, _ := w.create(owner, "bot-1")
	begin := w.clock.Now()
	var last authority.Step
	for range 60 {
		step, err := w.Activate(w.ctx, owner, k.ID, k.Version)
		w.must(err)
		last = step
	}
	_, err := w.Activate(w.ctx, owner, k.ID, k.Version)
	w.refused(err, "too_many_codes")
	w.clock.Advance(2 * time.Minute)
	w.refused(opened{w, owner, last.Pending.ID}.resend(), "too_many_codes")
	w.edit(owner, k, rw) // the app still works
	sent := 0
	for _, l := range w.letters() {
		if l.Kind == latchkey.LetterCode {
			sent++
		}
	}
	is(w, "codes sent", sent, 60)
	w.clock.Advance(begin.Truncate(time.Hour).Add(time.Hour).Sub(w.clock.Now()))
	_, err = w.Activate(w.ctx, owner, k.ID, k.Version)
	w.must(err)
}

func TestAppMayBeOneStepOff(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	for drift, want := range map[time.Duration]string{-60 * time.Second: "wrong_code", -30 * time.Second: "", 30 * time.Second: "", 60 * time.Second: "wrong_code"} {
		w.clock.Advance(5 * time.Minute)
		k, _ := w.create(owner, fmt.Sprint("bot ", drift))
		step := w.edit(owner, k, rw)
		w.clock.Advance(5*time.Minute + drift)
		_, seed, _, err := w.store.FactorSecret(w.ctx, w.owner.ID, w.app.ID)
		w.must(err)
		answer := code(w.totp(seed))
		w.clock.Advance(-drift)
		_, err = w.Confirm(w.ctx, owner, step.Pending.ID, answer)
		if latchkey.Code(err) != want || (want == "" && err != nil) {
			t.Errorf("%s off: error %v, want code %q", drift, err, want)
		}
	}
}
