package store_test

import (
	"testing"
	"time"

	"latchkey"
)

// whole is a deed that touches every table that a deed can touch.
func (s *suite) whole() latchkey.Deed {
	s.t.Helper()
	used := s.enrol(s.owner, latchkey.FactorTOTP, "seed")
	gone := s.enrol(s.owner, latchkey.FactorSMS, "+35312345678")
	_, err := s.Apply(s.ctx, latchkey.Deed{At: s.now(), RecoveryOf: s.owner.ID, RecoveryHashes: []string{"h1"}, Activity: s.activity(latchkey.ActRecoveryRenewed)})
	s.must(err)
	k := s.key("bot-1")
	p, next := s.opened(latchkey.OpEdit, k), s.pending(latchkey.OpActivate, k)
	_, err = s.ChargeAttempt(s.ctx, s.charge(p))
	s.must(err)
	bucket := s.charge(p).Bucket
	d := s.move(k, latchkey.OpEdit, &p)
	d.UsedFactor, d.TOTPStep, d.UsedRecovery, d.RemoveFactor = used.ID, 9, "h1", gone.ID
	d.AddFactor = &latchkey.Factor{ID: latchkey.NewID("fac"), MemberID: s.owner.ID, Kind: latchkey.FactorSMS, CreatedAt: s.now()}
	d.FactorSecret = "+35387654321"
	d.RecoveryOf, d.RecoveryHashes = s.owner.ID, []string{"h2", "h3"}
	d.FullSession, d.TokenHash, d.SessionEnds = s.signIn(s.owner, false).ID, "full", s.now().Add(time.Hour)
	d.Next, d.NextLetters = &next, []latchkey.Letter{{Kind: latchkey.LetterCode, PendingID: next.ID}}
	d.Refund, d.Letters = &bucket, []latchkey.Letter{{Kind: latchkey.LetterNotice}}
	return d
}

func TestDeedWithoutItsActivityDoesNotHappen(t *testing.T) {
	onEach(t, func(s *suite) {
		d := s.whole()
		s.untouched(func() {
			anonymous := d
			anonymous.Activity = latchkey.Activity{}
			_, err := s.Apply(s.ctx, anonymous)
			s.unknown(err)
		})
		s.raw("ALTER TABLE activity RENAME COLUMN note TO memo") // now none can be written
		s.untouched(func() {
			_, err := s.Apply(s.ctx, d)
			s.unknown(err)
			s.unknown(s.ClosePending(s.ctx, d.Pending.ID, latchkey.PendingVoid, s.activity(latchkey.ActPendingCancelled)))
			s.unknown(s.SetPassword(s.ctx, s.owner.ID, "new", "", s.activity(latchkey.ActPasswordChanged)))
			_, _, err = s.OpenPending(s.ctx, latchkey.Opening{Pending: s.pending(latchkey.OpCreate, latchkey.Key{}), Activity: s.activity(latchkey.ActPendingOpened)})
			s.unknown(err)
		})
		_, _, err := s.SessionByToken(s.ctx, "full")
		s.refused(err, "not_found")
		s.raw("ALTER TABLE activity RENAME COLUMN memo TO note")
		_, err = s.Apply(s.ctx, d) // the same deed happens when it can be recorded
		s.must(err)
	})
}

func TestDeedWithoutItsLetterDoesNotHappen(t *testing.T) {
	onEach(t, func(s *suite) {
		d := s.whole()
		s.raw("ALTER TABLE goqite RENAME COLUMN body TO content")
		s.untouched(func() {
			_, err := s.Apply(s.ctx, d)
			s.unknown(err)
			d.NextLetters = nil
			_, err = s.Apply(s.ctx, d)
			s.unknown(err)
			s.unknown(s.Record(s.ctx, s.activity(latchkey.ActKeyEdited), latchkey.Letter{Kind: latchkey.LetterNotice}))
		})
	})
}
