package verify_test

import (
	"context"
	"testing"

	"latchkey"
	"latchkey/internal/verify"
)

// A node that was cut off from the database goes on serving a key that its owner
// deleted meanwhile: nobody tells it. Without its lease it decides about no key,
// whatever the call looks like, and a call that it has just allowed does not leave.
func TestANodeWithoutItsLeaseDecidesAboutNoKey(t *testing.T) {
	v := guest()
	w := v.world()
	held := true
	c := verify.New(verify.Config{
		Table: w.table, Ledger: w.Ledger, Window: window, Points: 200, PublicPoints: 100, Now: w.Now, Leased: func() bool { return held },
	})
	w.Checker = c
	allowed := check(t, w, good(), verify.Allowed)
	s := v.logon(t, w, verify.Allowed)
	if !allowed.Current() {
		t.Error("an allowed call may not leave while the lease is held")
	}
	held = false
	if allowed.Current() {
		t.Error("an allowed call may leave without the lease")
	}
	reading, stranger := good(), good()
	reading.action, stranger.keyID = cheap, "lk_two"
	for _, c := range []call{reading, stranger} {
		check(t, w, c, verify.Unavailable) // also a key that does not exist
	}
	v.logon(t, w, verify.Unavailable)
	say(t, w, s, cheap, text, verify.Unavailable)
	// A public call has no key.
	public := &latchkey.Action{Name: "get_ticker", PublicREST: true, PublicCost: 10}
	if v := c.Permit(context.Background(), public, home); !v.Allowed() {
		t.Errorf("a public call is %v", v.Reason)
	}
	// The twin: without the check all of them are answered.
	c.Off(verify.Leased)
	check(t, w, reading, verify.Allowed)
	check(t, w, stranger, verify.Unauthorized)
	v.logon(t, w, verify.Allowed)
	say(t, w, s, cheap, text, verify.Allowed)
}

// A key is deleted before this node began, and another node may not know yet: who
// logs on with it learns nothing that the other node would not tell.
func TestALogonToADeletionThatIsNotEverywhereIsNotJudged(t *testing.T) {
	v := guest()
	w := v.world()
	w.table = verify.NewTable()
	w.Table = w.table
	w.table.Mask(v.key.ID)
	w.table.Put(version(7, latchkey.StatusDeleted), "")
	v.logon(t, w, verify.Unavailable)
	w.table.Unmask(v.key.ID)
	v.logon(t, w, verify.Unauthorized)
}

// A call over a connection that stays open is stopped when its key changes.
func TestAnEntryBearsACallUntilItsKeyChanges(t *testing.T) {
	c := good()
	w := c.world()
	allowed := check(t, w, c, verify.Allowed)
	e := allowed.Caller()
	if !w.table.Bears(e) || verify.NewTable().Bears(e) {
		t.Error("the entry of an allowed call does not bear it, or does so in a table without the key")
	}
	w.table.Hold(c.key.ID)
	if !w.table.Bears(e) {
		t.Error("a hold ends the call")
	}
	w.table.Release(c.key.ID)
	c.key.Version++
	w.table.Put(c.key, "")
	if w.table.Bears(e) {
		t.Error("the entry bears a call after its key was changed")
	}
}

// TestNoReasonLetsARefusedCallThrough: whoever refuses by mistake with the
// reason of an allowed call has decided nothing.
func TestNoReasonLetsARefusedCallThrough(t *testing.T) {
	c := good()
	v := check(t, c.world(), c, verify.Allowed)
	for r := range 256 {
		refused := v.Refuse(verify.Reason(r)) // #nosec G115 -- 0 to 255
		if refused.Allowed() || refused.Caller() != nil || refused.Reason.Status() < 400 {
			t.Errorf("reason %d lets through: %v", r, refused.Reason)
		}
	}
}

// What each reason means on the wire (docs/protocol.md).
func TestEachReasonHasItsStatusAndText(t *testing.T) {
	texts := map[string]bool{}
	for reason, want := range map[verify.Reason]int{
		verify.Undecided: 503, verify.Allowed: 200, verify.Unauthorized: 401, verify.TimestampOutOfRange: 401, verify.KeyStateChanging: 503, verify.KeyNotActivated: 401,
		verify.IPNotAllowed: 403, verify.PermissionMissing: 403, verify.RateLimited: 429, verify.Replayed: 409, verify.Unavailable: 503,
	} {
		v := verify.Verdict{Reason: reason, At: now, Addr: home, Window: window}
		if reason.Status() != want || v.Text() == "" || reason.String() != reason.Code() {
			t.Errorf("%v: status %d, want %d; text %q", reason, reason.Status(), want, v.Text())
		}
		if (v.RetryAfter() != 0) != (reason == verify.RateLimited) {
			t.Errorf("%v: retry after %d", reason, v.RetryAfter())
		}
		texts[v.Text()] = true
	}
	// Undecided and unavailable are one to the caller.
	if len(texts) != 10 {
		t.Errorf("%d texts of 11 reasons", len(texts))
	}
	v := verify.Verdict{Reason: verify.PermissionMissing}
	if got := v.Text(); got != "This action needs a permission that the API key does not have" {
		t.Errorf("without an action: %q", got)
	}
}

// The name of a key is for logs and its owner: only that of one that exists.
func TestAVerdictNamesOnlyAKeyThatExists(t *testing.T) {
	c := good()
	w := c.world()
	if v := check(t, w, c, verify.Allowed); v.KeyID() != "lk_one" {
		t.Errorf("an allowed call names %q", v.KeyID())
	}
	c.broken = true
	if v := check(t, w, c, verify.Unauthorized); v.KeyID() != "lk_one" {
		t.Errorf("a forged call names %q", v.KeyID())
	}
	c.keyID = "lk_two"
	if v := check(t, w, c, verify.Unauthorized); v.KeyID() != "" {
		t.Errorf("a call with no key names %q", v.KeyID())
	}
}
