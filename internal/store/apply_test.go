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

func TestTOTPStepWorksOnce(t *testing.T) {
	onEach(t, func(s *suite) {
		f := s.enrol(s.owner, latchkey.FactorTOTP, "seed-canary")
		use := func(step int64) error {
			_, err := s.Apply(s.ctx, latchkey.Deed{At: s.now(), UsedFactor: f.ID, TOTPStep: step, Activity: s.activity(latchkey.ActSignedIn)})
			return err
		}
		s.must(use(100))
		s.untouched(func() {
			s.refused(use(100), "code_used")
			s.refused(use(99), "code_used")
		})
		s.must(use(101))
		got, secret, step, err := s.FactorSecret(s.ctx, s.owner.ID, f.ID)
		s.must(err)
		f.LastUsed = s.now()
		s.same(got, f)
		s.same([]string{secret.Reveal()}, []string{"seed-canary"})
		s.same(step, int64(101))
		_, _, _, err = s.FactorSecret(s.ctx, "mem_other", f.ID)
		s.refused(err, "not_found")
	})
}

func TestNewFactorKeepsTheStepThatValidatedIt(t *testing.T) {
	onEach(t, func(s *suite) {
		f := latchkey.Factor{ID: "fac_totp", MemberID: s.owner.ID, Kind: latchkey.FactorTOTP, Label: "Authenticator app", CreatedAt: s.now()}
		_, err := s.Apply(s.ctx, latchkey.Deed{At: s.now(), AddFactor: &f, FactorSecret: "seed", TOTPStep: 50, Activity: s.activity(latchkey.ActFactorEnrolled)})
		s.must(err)
		_, _, step, err := s.FactorSecret(s.ctx, s.owner.ID, f.ID)
		s.must(err)
		s.same(step, int64(50))
		bare := f
		bare.ID = "fac_bare"
		_, err = s.Apply(s.ctx, latchkey.Deed{At: s.now(), AddFactor: &bare, Activity: s.activity(latchkey.ActFactorEnrolled)})
		s.unknown(err)
	})
}

func TestFactorIsUsedAndRemovedByItsMemberOnly(t *testing.T) {
	onEach(t, func(s *suite) {
		f := s.enrol(s.owner, latchkey.FactorSMS, "+35312345678")
		m := s.member("sub@example.com", latchkey.RoleSubuser)
		act := s.activity(latchkey.ActFactorRemoved)
		act.MemberID = m.ID
		s.untouched(func() {
			for _, d := range []latchkey.Deed{{UsedFactor: f.ID}, {UsedFactor: f.ID, TOTPStep: 7}, {RemoveFactor: f.ID}} {
				d.At, d.Activity = s.now(), act
				_, err := s.Apply(s.ctx, d)
				s.refused(err, "factor_not_found")
			}
		})
		act.MemberID = s.owner.ID
		remove := latchkey.Deed{At: s.now(), UsedFactor: f.ID, RemoveFactor: f.ID, Activity: act}
		s.untouched(func() {
			_, err := s.Apply(s.ctx, remove)
			s.refused(err, "last_factor")
		})
		other := s.enrol(s.owner, latchkey.FactorTOTP, "seed")
		_, err := s.Apply(s.ctx, remove)
		s.must(err)
		left, err := s.Factors(s.ctx, s.owner.ID)
		s.must(err)
		s.same(left, []latchkey.Factor{other})
	})
}

func TestRecoveryCodeWorksOnce(t *testing.T) {
	onEach(t, func(s *suite) {
		renew := latchkey.Deed{At: s.now(), RecoveryOf: s.owner.ID, RecoveryHashes: []string{"h1", "h2", "h3"}, Activity: s.activity(latchkey.ActRecoveryRenewed)}
		_, err := s.Apply(s.ctx, renew)
		s.must(err)
		use := latchkey.Deed{At: s.now(), UsedRecovery: "h1", Activity: s.activity(latchkey.ActRecoveryUsed)}
		s.same(s.recovery("h1"), true)
		_, err = s.Apply(s.ctx, use)
		s.must(err)
		s.same(s.recovery("h1"), false)
		foreign := use
		foreign.UsedRecovery, foreign.Activity.MemberID = "h2", "mem_other"
		s.untouched(func() {
			for _, d := range []latchkey.Deed{use, foreign} {
				_, err := s.Apply(s.ctx, d)
				s.refused(err, "code_used")
			}
		})
		n, err := s.UnusedRecovery(s.ctx, s.owner.ID)
		s.must(err)
		s.same(n, 2)
		renew.RecoveryHashes = []string{"h4"}
		_, err = s.Apply(s.ctx, renew)
		s.must(err)
		s.same([]bool{s.recovery("h2"), s.recovery("h4")}, []bool{false, true})
		renew.RecoveryHashes = []string{}
		_, err = s.Apply(s.ctx, renew)
		s.must(err)
		s.same(s.recovery("h4"), false)
	})
}

func (s *suite) recovery(hash string) bool {
	s.t.Helper()
	ok, err := s.RecoveryUnused(s.ctx, s.owner.ID, hash)
	s.must(err)
	return ok
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
		})
	})
}
