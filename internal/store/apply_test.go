package store_test

import (
	"testing"
	"time"

	"latchkey"
)

// untouched demands that what do does changes nothing at all.
func (s *suite) untouched(do func()) {
	s.t.Helper()
	before := s.dump()
	do()
	s.same(s.dump(), before)
}

// dump counts what the tables of a deed hold.
func (s *suite) dump() []int64 {
	s.t.Helper()
	var out []int64
	for _, query := range []string{
		"SELECT count(*) FROM activity", "SELECT activity_seq + rev FROM authority", "SELECT count(*) FROM goqite", "SELECT count(*) FROM key_change",
		"SELECT COALESCE(sum(version), 0) FROM api_key", "SELECT count(*) FROM pending WHERE state = 'open'", "SELECT count(*) FROM pending",
		"SELECT COALESCE(sum(last_step), 0) + COALESCE(sum(last_used), 0) FROM factor", "SELECT count(*) FROM factor",
		"SELECT count(*) FROM recovery_code WHERE used_at = 0", "SELECT count(*) FROM recovery_code", "SELECT COALESCE(sum(counted), 0) FROM bucket",
	} {
		out = append(out, s.number(query))
	}
	return out
}

func TestConfirmedEditIsWrittenWhole(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		p := s.opened(latchkey.OpEdit, k)
		_, err := s.ChargeAttempt(s.ctx, s.charge(p))
		s.must(err)
		bucket := s.charge(p).Bucket
		s.pass(time.Minute)
		d := s.move(k, latchkey.OpEdit, &p)
		d.Key.Permissions = latchkey.Read
		d.Refund = &bucket
		d.Letters = []latchkey.Letter{{Kind: latchkey.LetterNotice}}
		done, err := s.Apply(s.ctx, d)
		s.must(err)
		got, err := s.Key(s.ctx, s.account.ID, k.ID)
		s.must(err)
		s.same(got, *d.Key)
		closed, err := s.Pending(s.ctx, p.ID)
		s.must(err)
		s.same([]string{string(closed.State), closed.Code.Reveal()}, []string{"confirmed", ""})
		s.same(s.counted(p), [2]int64{1, 0})
		list, err := s.Activities(s.ctx, latchkey.ActivityQuery{AccountID: s.account.ID, KeyID: k.ID, Limit: 1})
		s.must(err)
		s.same(list, []latchkey.Activity{done})
		s.same(s.verified(), done.Seq)
		s.same(s.number("SELECT rev FROM authority"), int64(2))
		s.same(s.number("SELECT version FROM key_change WHERE rev = 2 AND key_id = $1", k.ID), int64(2))
		_, l, _, ok, err := s.ReceiveLetter(s.ctx)
		s.must(err)
		s.same(ok, true)
		s.same(l, latchkey.Letter{Kind: latchkey.LetterNotice, Activity: done.Seq})
	})
}

func TestPendingIsAppliedOnlyAsItWasEvaluated(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		for _, c := range []struct {
			name, code string
			change     func(p *latchkey.Pending)
		}{
			{"a resend came between", "code_replaced", func(p *latchkey.Pending) { p.Sends-- }},
			{"other content", "pending_closed", func(p *latchkey.Pending) { p.Digest = "00" }},
			{"another member", "pending_closed", func(p *latchkey.Pending) { p.MemberID = "mem_other" }},
			{"another session", "pending_closed", func(p *latchkey.Pending) { p.SessionID = "ses_other" }},
			{"no such pending", "pending_closed", func(p *latchkey.Pending) { p.ID = "pen_none" }},
		} {
			p := s.opened(latchkey.OpEdit, k)
			c.change(&p)
			s.untouched(func() {
				if _, err := s.Apply(s.ctx, s.move(k, latchkey.OpEdit, &p)); latchkey.Code(err) != c.code {
					t.Errorf("%s: error %v, want code %q", c.name, err, c.code)
				}
			})
		}
		for _, to := range []latchkey.PendingState{latchkey.PendingCancelled, latchkey.PendingDead, latchkey.PendingVoid} {
			p := s.opened(latchkey.OpEdit, k)
			s.must(s.ClosePending(s.ctx, p.ID, to, s.activity(latchkey.ActPendingCancelled)))
			s.untouched(func() {
				_, err := s.Apply(s.ctx, s.move(k, latchkey.OpEdit, &p))
				s.refused(err, "pending_closed")
			})
		}
	})
}

func TestPendingIsConfirmedOnce(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		p := s.opened(latchkey.OpEdit, k)
		d := s.move(k, latchkey.OpEdit, &p)
		_, err := s.Apply(s.ctx, d)
		s.must(err)
		s.untouched(func() {
			_, err := s.Apply(s.ctx, s.move(*d.Key, latchkey.OpEdit, &p))
			s.refused(err, "pending_closed")
		})
	})
}

func TestChangeOfAnotherVersionIsRefused(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		_, err := s.Apply(s.ctx, s.move(k, latchkey.OpActivate, nil))
		s.must(err)
		p := s.opened(latchkey.OpEdit, k)
		foreign := s.move(k, latchkey.OpEdit, nil)
		foreign.Key.AccountID = "acc_other"
		foreign.KeyFrom, foreign.Key.Version = 2, 3
		unknown := s.move(k, latchkey.OpEdit, nil)
		unknown.Key.ID = latchkey.NewKeyID()
		s.untouched(func() {
			for _, d := range []latchkey.Deed{s.move(k, latchkey.OpEdit, &p), foreign, unknown} {
				_, err := s.Apply(s.ctx, d)
				s.refused(err, latchkey.ErrVersion.Code)
			}
			jump := s.move(k, latchkey.OpEdit, nil)
			jump.KeyFrom, jump.Key.Version = 2, 9
			_, err := s.Apply(s.ctx, jump)
			s.unknown(err)
		})
		s.same(s.state(p.ID), latchkey.PendingOpen)
	})
}

func TestDeletedKeyIsGoneForGoodAndItsSecretErased(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		d := s.move(k, latchkey.OpDelete, nil)
		_, err := s.Apply(s.ctx, d)
		s.must(err)
		s.same(s.number("SELECT length(secret) FROM api_key WHERE id = $1", k.ID), int64(0))
		_, err = s.Key(s.ctx, s.account.ID, k.ID)
		s.refused(err, latchkey.ErrKeyGone.Code)
		_, err = s.KeyByID(s.ctx, k.ID)
		s.refused(err, latchkey.ErrKeyGone.Code)
		_, _, err = s.KeyMaterial(s.ctx, k.ID)
		s.refused(err, latchkey.ErrKeyGone.Code)
		keys, err := s.Keys(s.ctx, s.account.ID)
		s.must(err)
		s.same(len(keys), 0)
		back := s.move(k, latchkey.OpEdit, nil)
		back.KeyFrom, back.Key.Version = 2, 3
		reuse := s.newKey("bot-2")
		reuse.ID = k.ID
		s.untouched(func() {
			_, err := s.Apply(s.ctx, back)
			s.refused(err, latchkey.ErrVersion.Code)
			_, err = s.Apply(s.ctx, s.creation(reuse))
			s.unknown(err)
		})
		s.key("bot-1") // the name is free again
	})
}

func TestKeyNameIsTakenWhileTheKeyLives(t *testing.T) {
	onEach(t, func(s *suite) {
		s.key("bot-1")
		s.untouched(func() {
			_, err := s.Apply(s.ctx, s.creation(s.newKey("bot-1")))
			s.refused(err, "name_taken")
		})
		s.key("Bot-1")
		other := latchkey.Account{ID: latchkey.NewID("acc"), Name: "Southwind", CreatedAt: s.now()}
		s.must(s.CreateAccount(s.ctx, other, s.activity(latchkey.ActAccountCreated)))
		k := s.newKey("bot-1")
		k.AccountID = other.ID
		_, err := s.Apply(s.ctx, s.creation(k))
		s.must(err)
	})
}

func TestAccountHasNoMoreKeysThanItMay(t *testing.T) {
	onEach(t, func(s *suite) {
		first := s.key("bot-0")
		for _, name := range []string{"bot-1", "bot-2", "bot-3", "bot-4"} {
			s.key(name)
		}
		s.untouched(func() {
			_, err := s.Apply(s.ctx, s.creation(s.newKey("bot-5")))
			s.refused(err, "too_many_keys")
		})
		_, err := s.Apply(s.ctx, s.move(first, latchkey.OpDelete, nil))
		s.must(err)
		s.key("bot-5")
		none := s.creation(s.newKey("bot-6"))
		none.KeysMost = 0
		_, err = s.Apply(s.ctx, none)
		s.refused(err, "too_many_keys")
	})
}

func TestKeyThatCouldLetAnybodyInIsNotWritten(t *testing.T) {
	onEach(t, func(s *suite) {
		noSecret, active, nothing, late := s.creation(s.newKey("a")), s.creation(s.newKey("b")), s.creation(s.newKey("c")), s.creation(s.newKey("d"))
		noSecret.Secret = ""
		active.Key.Status = latchkey.StatusActive
		nothing.Key.Permissions = 0
		late.At = time.Time{}
		s.untouched(func() {
			for _, d := range []latchkey.Deed{noSecret, active, nothing, late} {
				_, err := s.Apply(s.ctx, d)
				s.unknown(err)
			}
		})
	})
}

func TestNextPendingFollowsInTheSameTransaction(t *testing.T) {
	onEach(t, func(s *suite) {
		p, next := s.opened(latchkey.OpEnrolFactor, latchkey.Key{}), s.pending(latchkey.OpValidateFactor, latchkey.Key{})
		d := latchkey.Deed{At: s.now(), Pending: &p, Next: &next, NextLetters: []latchkey.Letter{{Kind: latchkey.LetterCode, PendingID: next.ID, Send: 1}},
			Activity: s.activity(latchkey.ActPendingOpened)}
		_, err := s.Apply(s.ctx, d)
		s.must(err)
		got, err := s.Pending(s.ctx, next.ID)
		s.must(err)
		s.same(got, next)
		_, l, _, _, err := s.ReceiveLetter(s.ctx)
		s.must(err)
		s.same(l, d.NextLetters[0])
	})
}
