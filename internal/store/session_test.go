package store_test

import (
	"testing"
	"time"

	"latchkey"
)

func TestSessionIsFoundByTheHashOfItsToken(t *testing.T) {
	onEach(t, func(s *suite) {
		got, m, err := s.SessionByToken(s.ctx, "token of "+s.session.ID)
		s.must(err)
		s.same(got, s.session)
		s.same(m, s.owner)
		_, _, err = s.SessionByToken(s.ctx, s.session.ID)
		s.refused(err, "not_found")
		s.pass(time.Minute)
		s.must(s.TouchSession(s.ctx, s.session.ID, s.now()))
		got, _, err = s.SessionByToken(s.ctx, "token of "+s.session.ID)
		s.must(err)
		s.same(got.LastSeen, s.now())
		s.refused(s.TouchSession(s.ctx, "ses_none", s.now()), "not_found")
	})
}

func TestEndedSessionIsGoneWithItsPendings(t *testing.T) {
	onEach(t, func(s *suite) {
		p := s.opened(latchkey.OpCreate, s.newKey("bot-1"))
		before := s.verified()
		end := func(member, session string) error {
			return s.EndSession(s.ctx, member, session, s.activity(latchkey.ActSignedOut))
		}
		s.refused(end("mem_other", s.session.ID), "not_found")
		s.refused(end(s.owner.ID, "ses_none"), "not_found")
		s.same(s.verified(), before)
		s.must(end(s.owner.ID, s.session.ID))
		_, _, err := s.SessionByToken(s.ctx, "token of "+s.session.ID)
		s.refused(err, "not_found")
		closed, err := s.Pending(s.ctx, p.ID)
		s.must(err)
		s.same(closed.State, latchkey.PendingCancelled)
		s.same(closed.Code.Reveal(), "")
		_, err = s.ChargeAttempt(s.ctx, s.charge(p))
		s.refused(err, "pending_cancelled")
		s.refused(end(s.owner.ID, s.session.ID), "not_found")
	})
}

func TestSignInStartsWithItsSecondStep(t *testing.T) {
	onEach(t, func(s *suite) {
		half := latchkey.Session{ID: latchkey.NewID("ses"), MemberID: s.owner.ID, CreatedAt: s.now(), LastSeen: s.now(), EndsAt: s.now().Add(15 * time.Minute)}
		p := s.pending(latchkey.OpSignIn, latchkey.Key{})
		p.SessionID = half.ID
		second := latchkey.Opening{Pending: p, Activity: s.activity(latchkey.ActPendingOpened), Letters: []latchkey.Letter{{Kind: latchkey.LetterCode, PendingID: p.ID, Send: 1}}}
		before := s.verified()
		s.must(s.StartSession(s.ctx, half, "half", &second, latchkey.Activity{}))
		s.same(s.verified(), before+1)
		got, _, err := s.SessionByToken(s.ctx, "half")
		s.must(err)
		s.same(got, half)

		full := latchkey.Deed{At: s.now(), Pending: &p, FullSession: half.ID, TokenHash: "full", SessionEnds: s.now().Add(24 * time.Hour), Activity: s.activity(latchkey.ActSignedIn)}
		_, err = s.Apply(s.ctx, full)
		s.must(err)
		_, _, err = s.SessionByToken(s.ctx, "half")
		s.refused(err, "not_found")
		got, _, err = s.SessionByToken(s.ctx, "full")
		s.must(err)
		s.same(got.Full, true)
		s.same(got.EndsAt, full.SessionEnds)
	})
}

func TestSessionBecomesFullOnlyForItsMemberAndOnce(t *testing.T) {
	onEach(t, func(s *suite) {
		half := s.signIn(s.owner, false)
		deed := func(member string) latchkey.Deed {
			act := s.activity(latchkey.ActSignedIn)
			act.MemberID = member
			return latchkey.Deed{At: s.now(), FullSession: half.ID, TokenHash: "full", SessionEnds: s.now().Add(time.Hour), Activity: act}
		}
		_, err := s.Apply(s.ctx, deed("mem_other"))
		s.refused(err, "not_found")
		_, err = s.Apply(s.ctx, deed(s.owner.ID))
		s.must(err)
		again := deed(s.owner.ID)
		again.TokenHash = "full again"
		_, err = s.Apply(s.ctx, again)
		s.refused(err, "not_found")
		bare := deed(s.owner.ID)
		bare.TokenHash = ""
		_, err = s.Apply(s.ctx, bare)
		s.unknown(err)
	})
}

func TestSessionWithoutActivityDoesNotStart(t *testing.T) {
	onEach(t, func(s *suite) {
		x := latchkey.Session{ID: "ses_x", MemberID: s.owner.ID, EndsAt: s.now().Add(time.Hour)}
		s.unknown(s.StartSession(s.ctx, x, "x", nil, latchkey.Activity{}))
		second := latchkey.Opening{Pending: s.pending(latchkey.OpSignIn, latchkey.Key{})}
		s.unknown(s.StartSession(s.ctx, x, "x", &second, latchkey.Activity{}))
		_, _, err := s.SessionByToken(s.ctx, "x")
		s.refused(err, "not_found")
	})
}

func TestBucketTakesItsLimitAndNoMore(t *testing.T) {
	onEach(t, func(s *suite) {
		b := latchkey.Bucket{Name: "sign_in:192.0.2.7", Window: s.now(), Limit: 3}
		charge := func(b latchkey.Bucket) bool {
			ok, err := s.ChargeBucket(s.ctx, b)
			s.must(err)
			return ok
		}
		for i, want := range []bool{true, true, true, false, false} {
			if charge(b) != want {
				t.Fatalf("charge %d: want %t", i+1, want)
			}
		}
		s.same(s.number("SELECT counted FROM bucket WHERE name = $1", b.Name), int64(3))
		b.Window = b.Window.Add(time.Hour)
		s.same(charge(b), true) // the next window
		s.same(charge(latchkey.Bucket{Name: "no limit", Window: s.now()}), false)
	})
}
