package latchkey_test

import (
	"testing"
	"time"

	"latchkey"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// waiting is an open pending whose first SMS code was sent at noon.
func waiting() latchkey.Pending {
	return latchkey.Pending{
		ID: "pen_1", AccountID: "acc_1", MemberID: "mem_1", SessionID: "ses_1", Operation: latchkey.OpEdit,
		KeyID: "lk_1", KeyVersion: 3, State: latchkey.PendingOpen, Proof: latchkey.ProofSecondFactor,
		FactorKind: latchkey.FactorSMS, FactorID: "fac_1", Sends: 1, CodeSentAt: noon, Code: "123456",
		CreatedAt: noon, ExpiresAt: noon.Add(15 * time.Minute),
	}
}

func TestDefaultLimitsAreTheProducts(t *testing.T) {
	want := latchkey.Limits{
		CodeLife: 5 * time.Minute, ResendAfter: 2 * time.Minute, MaxSends: 3, MaxAttempts: 5,
		WrongCodesHourly: 10, CodesHourly: 60, PendingLife: 15 * time.Minute, KeysPerAccount: 5,
		SessionIdle: time.Hour, SessionLife: 24 * time.Hour, SignInsPerSource: 100, SignInsPerAddress: 20,
		LinkLife: 30 * time.Minute, ResetsPerSource: 20, ResetsPerAddress: 5,
		PendingsHourly: 300, KnownBrowser: 180 * 24 * time.Hour,
		SMS: latchkey.SMSLimits{
			Number: latchkey.Rate{Hour: 15, Day: 40}, Account: latchkey.Rate{Hour: 60, Day: 300},
			Source: latchkey.Rate{Hour: 60, Day: 300}, Country: 2000,
		},
	}
	if got := latchkey.DefaultLimits(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestACodeLivesFiveMinutes(t *testing.T) {
	l := latchkey.DefaultLimits()
	end := waiting().CodeExpiresAt(l)
	for after, lives := range map[time.Duration]bool{
		0:                              true,
		4*time.Minute + 59*time.Second: true,
		5*time.Minute - 1:              true,
		5 * time.Minute:                false,
		5*time.Minute + time.Second:    false,
	} {
		if got := noon.Add(after).Before(end); got != lives {
			t.Errorf("after %v: lives is %v, want %v", after, got, lives)
		}
	}
	p := waiting()
	p.CodeSentAt = time.Time{}
	if got := p.CodeExpiresAt(l); !got.IsZero() || noon.Before(got) {
		t.Errorf("a code that was never sent lives until %v", got)
	}
}

func TestResendFromTwoMinutesOn(t *testing.T) {
	l := latchkey.DefaultLimits()
	for _, c := range []struct {
		after time.Duration
		code  string
		retry int // whole seconds, rounded up: retrying then must succeed
	}{
		{0, "resend_too_early", 120},
		{time.Minute + 59*time.Second, "resend_too_early", 1},
		{2*time.Minute - time.Millisecond, "resend_too_early", 1},
		{2 * time.Minute, "", 0},
		{5 * time.Minute, "", 0},
		{15*time.Minute - 1, "", 0},
		{15 * time.Minute, "pending_expired", 0},
	} {
		err := waiting().CheckResend(l, noon.Add(c.after))
		if got := latchkey.Code(err); got != c.code {
			t.Errorf("after %v: code %q, want %q", c.after, got, c.code)
		}
		if e, ok := err.(*latchkey.Error); ok && e.RetryAfter != c.retry {
			t.Errorf("after %v: retry after %d, want %d", c.after, e.RetryAfter, c.retry)
		}
	}
}

func TestAnExpiredCodeIsReplacedAtOnce(t *testing.T) {
	l := latchkey.DefaultLimits()
	l.CodeLife, l.ResendAfter = time.Minute, 2*time.Minute
	if err := waiting().CheckResend(l, noon.Add(time.Minute)); err != nil {
		t.Errorf("the code has expired, but: %v", err)
	}
	if err := waiting().CheckResend(l, noon.Add(time.Minute-1)); latchkey.Code(err) != "resend_too_early" {
		t.Errorf("the code lives, but: %v", err)
	}
}

func TestThreeCodesAPending(t *testing.T) {
	l := latchkey.DefaultLimits()
	for sends, code := range []string{"", "", "", "no_sends_left", "no_sends_left"} {
		p := waiting()
		p.Sends = sends
		if got := latchkey.Code(p.CheckResend(l, noon.Add(3*time.Minute))); got != code {
			t.Errorf("after %d sends: code %q, want %q", sends, got, code)
		}
		if got := p.ResendAt(l); got.IsZero() != (code != "") {
			t.Errorf("after %d sends: resend at %v", sends, got)
		}
	}
}

func TestTheFirstCodeNeedsNoWait(t *testing.T) {
	p := waiting()
	p.Sends, p.CodeSentAt = 0, time.Time{}
	if err := p.CheckResend(latchkey.DefaultLimits(), noon); err != nil {
		t.Errorf("the first code: %v", err)
	}
}

func TestOnlySentCodesAreSentAgain(t *testing.T) {
	l := latchkey.DefaultLimits()
	for kind, sends := range map[latchkey.FactorKind]bool{
		latchkey.FactorSMS: true, latchkey.FactorEmail: true,
		latchkey.FactorTOTP: false, latchkey.FactorRecovery: false, "": false, "pigeon": false,
	} {
		p := waiting()
		p.FactorKind = kind
		err := p.CheckResend(l, noon.Add(3*time.Minute))
		if p.SendsCode() != sends || (err == nil) != sends || p.ResendAt(l).IsZero() == sends {
			t.Errorf("%q: sends %v, resend at %v, %v", kind, p.SendsCode(), p.ResendAt(l), err)
		}
		if !sends && latchkey.Code(err) != "no_code_to_send" {
			t.Errorf("%q: %v", kind, err)
		}
	}
}

func TestOnlyAnOpenPendingGoesOn(t *testing.T) {
	l := latchkey.DefaultLimits()
	for state, code := range map[latchkey.PendingState]string{
		latchkey.PendingOpen: "", latchkey.PendingConfirmed: "pending_confirmed", latchkey.PendingCancelled: "pending_cancelled",
		latchkey.PendingDead: "pending_dead", latchkey.PendingVoid: "key_changed", "": "pending_closed", "Open": "pending_closed",
	} {
		p := waiting()
		p.State = state
		if got := latchkey.Code(p.CheckOpen(l, noon)); got != code {
			t.Errorf("%q: code %q, want %q", state, got, code)
		}
		if got := latchkey.Code(p.CheckResend(l, noon.Add(3*time.Minute))); got != code {
			t.Errorf("resend of %q: code %q, want %q", state, got, code)
		}
	}
}

func TestFiveEvaluationsAPending(t *testing.T) {
	for attempts, code := range []string{"", "", "", "", "", "pending_dead", "pending_dead"} {
		p := waiting()
		p.Attempts = attempts
		if got := latchkey.Code(p.CheckOpen(latchkey.DefaultLimits(), noon)); got != code {
			t.Errorf("after %d evaluations: code %q, want %q", attempts, got, code)
		}
	}
}

func TestAPendingEndsAtFifteenMinutes(t *testing.T) {
	for after, code := range map[time.Duration]string{
		0: "", 14*time.Minute + 59*time.Second: "", 15*time.Minute - 1: "", 15 * time.Minute: "pending_expired", time.Hour: "pending_expired",
	} {
		if got := latchkey.Code(waiting().CheckOpen(latchkey.DefaultLimits(), noon.Add(after))); got != code {
			t.Errorf("after %v: code %q, want %q", after, got, code)
		}
	}
}

func TestZeroValuesLetNothingHappen(t *testing.T) {
	if err := (latchkey.Pending{}).CheckOpen(latchkey.DefaultLimits(), noon); err == nil {
		t.Error("the zero pending is open")
	}
	if err := waiting().CheckOpen(latchkey.Limits{}, noon); err == nil {
		t.Error("the zero limits leave a pending open")
	}
	if err := waiting().CheckResend(latchkey.Limits{}, noon); err == nil {
		t.Error("the zero limits allow a resend")
	}
}
