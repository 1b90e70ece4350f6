package store_test

import (
	"testing"

	"latchkey"
)

func TestKeyIsReadAsItWasWritten(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		got, err := s.Key(s.ctx, s.account.ID, k.ID)
		s.must(err)
		s.same(got, k)
		_, secret, err := s.KeyMaterial(s.ctx, k.ID)
		s.must(err)
		s.same(secret.Reveal(), "secret-canary-of-"+k.ID)
		s.same(s.verified(), int64(4))
		_, err = s.Key(s.ctx, "acc_other", k.ID)
		s.refused(err, latchkey.ErrKeyGone.Code)
	})
}
