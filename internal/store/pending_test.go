package store_test

import (
	"testing"
	"time"

	"latchkey"
)

// charge asks for an evaluation of the pending's code.
func (s *suite) charge(p latchkey.Pending) latchkey.Charge {
	return latchkey.Charge{PendingID: p.ID, MemberID: p.MemberID, SessionID: p.SessionID, Now: s.now(), Limits: latchkey.DefaultLimits(),
		Bucket: latchkey.Bucket{Name: "wrong_code:" + p.AccountID, Window: s.now().Truncate(time.Hour), Limit: 10}}
}

// counted is how many evaluations are charged to the pending and its bucket.
func (s *suite) counted(p latchkey.Pending) [2]int64 {
	s.t.Helper()
	return [2]int64{
		s.number("SELECT attempts FROM pending WHERE id = $1", p.ID),
		s.number("SELECT COALESCE(sum(counted), 0) FROM bucket WHERE name = $1", "wrong_code:"+p.AccountID),
	}
}

func TestPendingIsReadAsItWasShown(t *testing.T) {
	onEach(t, func(s *suite) {
		p := s.pending(latchkey.OpEnrolFactor, s.newKey("bot-1"))
		p.NewSecret = "+35312345678"
		p.Digest = p.ContentDigest()
		_, _, err := s.OpenPending(s.ctx, latchkey.Opening{Pending: p, Activity: s.activity(latchkey.ActPendingOpened)})
		s.must(err)
		got, err := s.Pending(s.ctx, p.ID)
		s.must(err)
		s.same(got, p)
		s.same(got.ContentDigest(), p.Digest)
		_, err = s.Pending(s.ctx, "pen_none")
		s.refused(err, "not_found")
	})
}

func TestRepeatedRequestFindsTheFirstPending(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.newKey("bot-1")
		open := func(member, key, digest string) (latchkey.Pending, bool, error) {
			p := s.pending(latchkey.OpCreate, k)
			p.MemberID = member
			return s.OpenPending(s.ctx, latchkey.Opening{Pending: p, Activity: s.activity(latchkey.ActPendingOpened),
				Letters: []latchkey.Letter{{Kind: latchkey.LetterCode, PendingID: p.ID}}, IdempotencyKey: key, IdempotencyDigest: digest})
		}
		first, repeated, err := open(s.owner.ID, "request-1", "a")
		s.must(err)
		s.same(repeated, false)
		before := s.verified()
		again, repeated, err := open(s.owner.ID, "request-1", "a")
		s.must(err)
		s.same(repeated, true)
		s.same(again, first)
		_, _, err = open(s.owner.ID, "request-1", "b")
		s.refused(err, "idempotency_key_reused")
		s.same(s.verified(), before)
		s.same(s.number("SELECT count(*) FROM goqite"), int64(1))
		// Another member's key is another key.
		m := s.member("sub@example.com", latchkey.RoleSubuser)
		other, repeated, err := open(m.ID, "request-1", "b")
		s.must(err)
		s.same(repeated, false)
		if other.ID == first.ID {
			t.Fatal("a member got another member's pending")
		}
		_, repeated, err = open(s.owner.ID, "", "a")
		s.must(err)
		s.same(repeated, false)
	})
}

func TestAttemptIsChargedBeforeAnybodyCompares(t *testing.T) {
	onEach(t, func(s *suite) {
		p := s.opened(latchkey.OpCreate, s.newKey("bot-1"))
		got, err := s.ChargeAttempt(s.ctx, s.charge(p))
		s.must(err)
		p.Attempts = 1
		s.same(got, p)
		s.same(s.counted(p), [2]int64{1, 1})
	})
}

func TestAttemptThatIsRefusedCountsNothing(t *testing.T) {
	onEach(t, func(s *suite) {
		p := s.opened(latchkey.OpCreate, s.newKey("bot-1"))
		for _, c := range []struct {
			name, code string
			change     func(*latchkey.Charge)
		}{
			{"another member", "not_found", func(c *latchkey.Charge) { c.MemberID = "mem_other" }},
			{"another session", "not_found", func(c *latchkey.Charge) { c.SessionID = "ses_other" }},
			{"no such pending", "not_found", func(c *latchkey.Charge) { c.PendingID = "pen_none" }},
			{"the end of its life", "pending_expired", func(c *latchkey.Charge) { c.Now = p.ExpiresAt }},
			{"no attempts", "pending_dead", func(c *latchkey.Charge) { c.Limits.MaxAttempts = 0 }},
			{"no bucket", "too_many_wrong_codes", func(c *latchkey.Charge) { c.Bucket = latchkey.Bucket{} }},
		} {
			charge := s.charge(p)
			c.change(&charge)
			if _, err := s.ChargeAttempt(s.ctx, charge); latchkey.Code(err) != c.code {
				t.Errorf("%s: error %v, want code %q", c.name, err, c.code)
			}
		}
		s.same(s.counted(p), [2]int64{0, 0})
		last := s.charge(p)
		last.Now = p.ExpiresAt.Add(-time.Microsecond)
		_, err := s.ChargeAttempt(s.ctx, last)
		s.must(err)
	})
}

func TestPendingIsDeadAfterItsAttempts(t *testing.T) {
	onEach(t, func(s *suite) {
		p := s.opened(latchkey.OpCreate, s.newKey("bot-1"))
		for range 5 {
			_, err := s.ChargeAttempt(s.ctx, s.charge(p))
			s.must(err)
		}
		_, err := s.ChargeAttempt(s.ctx, s.charge(p))
		s.refused(err, "pending_dead")
		s.same(s.counted(p), [2]int64{5, 5})
	})
}

func TestFullBucketStopsTheAccount(t *testing.T) {
	onEach(t, func(s *suite) {
		s.pass(30 * time.Minute)
		full := s.charge(s.pending(latchkey.OpCreate, s.newKey("bot-1")))
		for range 10 {
			ok, err := s.ChargeBucket(s.ctx, full.Bucket)
			s.must(err)
			s.same(ok, true)
		}
		p := s.opened(latchkey.OpCreate, s.newKey("bot-1"))
		_, err := s.ChargeAttempt(s.ctx, s.charge(p))
		s.refused(err, "too_many_wrong_codes")
		s.same(err.(*latchkey.Error).RetryAfter, 1800)
		s.same(s.counted(p), [2]int64{0, 10})
		// A right code gives its evaluation back.
		_, err = s.Apply(s.ctx, latchkey.Deed{At: s.now(), Refund: &full.Bucket, Activity: s.activity(latchkey.ActSignedIn)})
		s.must(err)
		_, err = s.ChargeAttempt(s.ctx, s.charge(p))
		s.must(err)
	})
}

func TestWrongCodeIsRecordedAndMayKill(t *testing.T) {
	onEach(t, func(s *suite) {
		p := s.opened(latchkey.OpCreate, s.newKey("bot-1"))
		before := s.verified()
		s.must(s.NoteWrong(s.ctx, p.ID, false, s.activity(latchkey.ActCodeWrong)))
		s.same(s.state(p.ID), latchkey.PendingOpen)
		s.must(s.NoteWrong(s.ctx, p.ID, true, s.activity(latchkey.ActPendingDied)))
		s.same(s.state(p.ID), latchkey.PendingDead)
		s.same(s.verified(), before+2)
	})
}

func TestResendReplacesTheCodeOnce(t *testing.T) {
	onEach(t, func(s *suite) {
		p := s.opened(latchkey.OpCreate, s.newKey("bot-1"))
		s.pass(2 * time.Minute)
		next := p
		next.Code, next.Sends, next.CodeSentAt = "second-code", 2, s.now()
		next.FactorKind, next.FactorID = latchkey.FactorEmail, ""
		letters := []latchkey.Letter{{Kind: latchkey.LetterCode, PendingID: p.ID, Send: 2}}
		s.must(s.Resend(s.ctx, next, 1, s.activity(latchkey.ActCodeSent), letters))
		got, err := s.Pending(s.ctx, p.ID)
		s.must(err)
		s.same(got, next)
		before := s.verified()
		s.refused(s.Resend(s.ctx, next, 1, s.activity(latchkey.ActCodeSent), letters), "pending_changed")
		foreign := next
		foreign.SessionID = "ses_other"
		s.refused(s.Resend(s.ctx, foreign, 2, s.activity(latchkey.ActCodeSent), letters), "pending_changed")
		s.must(s.ClosePending(s.ctx, p.ID, latchkey.PendingCancelled, s.activity(latchkey.ActPendingCancelled)))
		s.refused(s.Resend(s.ctx, next, 2, s.activity(latchkey.ActCodeSent), letters), "pending_changed")
		s.same(s.verified(), before+1)
		s.same(s.number("SELECT count(*) FROM goqite"), int64(1))
	})
}

func TestClosedPendingStaysAsItIs(t *testing.T) {
	onEach(t, func(s *suite) {
		for _, to := range []latchkey.PendingState{latchkey.PendingCancelled, latchkey.PendingDead, latchkey.PendingVoid} {
			p := s.opened(latchkey.OpCreate, s.newKey("bot-1"))
			s.must(s.ClosePending(s.ctx, p.ID, to, s.activity(latchkey.ActPendingCancelled)))
			s.same(s.state(p.ID), to)
			s.refused(s.ClosePending(s.ctx, p.ID, latchkey.PendingCancelled, s.activity(latchkey.ActPendingCancelled)), "pending_closed")
			s.same(s.state(p.ID), to)
		}
		p := s.opened(latchkey.OpCreate, s.newKey("bot-1"))
		for _, to := range []latchkey.PendingState{latchkey.PendingOpen, latchkey.PendingConfirmed, ""} {
			s.unknown(s.ClosePending(s.ctx, p.ID, to, s.activity(latchkey.ActPendingCancelled)))
		}
		s.same(s.state(p.ID), latchkey.PendingOpen)
		s.refused(s.ClosePending(s.ctx, "pen_none", latchkey.PendingVoid, s.activity(latchkey.ActPendingCancelled)), "not_found")
	})
}
