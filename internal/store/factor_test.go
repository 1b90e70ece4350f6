package store_test

import (
	"testing"

	"latchkey"
)

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
