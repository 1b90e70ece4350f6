package store_test

import (
	"fmt"
	"sync"
	"testing"

	"latchkey"
)

// atOnce runs do n times in parallel and counts the outcomes by their code;
// "" is success.
func (s *suite) atOnce(n int, do func(i int) error) map[string]int {
	s.t.Helper()
	codes := make([]string, n)
	var group sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-gate
			if err := do(i); err != nil {
				if codes[i] = latchkey.Code(err); codes[i] == "" {
					codes[i] = err.Error()
				}
			}
		})
	}
	close(gate)
	group.Wait()
	counts := map[string]int{}
	for _, code := range codes {
		counts[code]++
	}
	return counts
}

func TestOfParallelConfirmationsOneWins(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		p := s.opened(latchkey.OpEdit, k)
		before := s.verified()
		got := s.atOnce(40, func(int) error {
			_, err := s.Apply(s.ctx, s.move(k, latchkey.OpEdit, &p))
			return err
		})
		s.same(got, map[string]int{"": 1, "pending_closed": 39})
		s.same(s.verified(), before+1)
	})
}

func TestOfParallelGuessesFiveAreEvaluated(t *testing.T) {
	onEach(t, func(s *suite) {
		p := s.opened(latchkey.OpCreate, s.newKey("bot-1"))
		got := s.atOnce(100, func(int) error {
			_, err := s.ChargeAttempt(s.ctx, s.charge(p))
			return err
		})
		s.same(got, map[string]int{"": 5, "pending_dead": 95})
		s.same(s.counted(p), [2]int64{5, 5})
	})
}

func TestParallelGuessesOnManyPendingsFillTheBucketExactly(t *testing.T) {
	onEach(t, func(s *suite) {
		var pendings []latchkey.Pending
		for range 8 {
			pendings = append(pendings, s.opened(latchkey.OpCreate, s.newKey("bot-1")))
		}
		got := s.atOnce(80, func(i int) error {
			_, err := s.ChargeAttempt(s.ctx, s.charge(pendings[i%8]))
			return err
		})
		s.same(got[""], 10)
		s.same(s.counted(pendings[0])[1], int64(10))
		s.same(s.number("SELECT sum(attempts) FROM pending"), int64(10))
	})
}

func TestOfParallelEditsOneWins(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		var pendings []latchkey.Pending
		for range 20 {
			pendings = append(pendings, s.opened(latchkey.OpEdit, k))
		}
		got := s.atOnce(20, func(i int) error {
			_, err := s.Apply(s.ctx, s.move(k, latchkey.OpEdit, &pendings[i]))
			return err
		})
		s.same(got, map[string]int{"": 1, "key_changed": 19})
		s.same(s.number("SELECT count(*) FROM pending WHERE state = 'open'"), int64(19))
	})
}

func TestParallelCreationsStopAtTheLimit(t *testing.T) {
	onEach(t, func(s *suite) {
		got := s.atOnce(20, func(i int) error {
			_, err := s.Apply(s.ctx, s.creation(s.newKey(fmt.Sprintf("bot-%d", i))))
			return err
		})
		s.same(got, map[string]int{"": 5, "too_many_keys": 15})
	})
}

func TestOfParallelCreationsOfOneNameOneWins(t *testing.T) {
	onEach(t, func(s *suite) {
		got := s.atOnce(10, func(int) error {
			_, err := s.Apply(s.ctx, s.creation(s.newKey("bot-1")))
			return err
		})
		s.same(got, map[string]int{"": 1, "name_taken": 9})
	})
}

func TestOfParallelUsesOfOneCodeOneWins(t *testing.T) {
	onEach(t, func(s *suite) {
		f := s.enrol(s.owner, latchkey.FactorTOTP, "seed")
		_, err := s.Apply(s.ctx, latchkey.Deed{At: s.now(), RecoveryOf: s.owner.ID, RecoveryHashes: []string{"h1"}, Activity: s.activity(latchkey.ActRecoveryRenewed)})
		s.must(err)
		for _, d := range []latchkey.Deed{{UsedFactor: f.ID, TOTPStep: 7}, {UsedRecovery: "h1"}} {
			d.At, d.Activity = s.now(), s.activity(latchkey.ActSignedIn)
			got := s.atOnce(20, func(int) error {
				_, err := s.Apply(s.ctx, d)
				return err
			})
			s.same(got, map[string]int{"": 1, "code_used": 19})
		}
	})
}

func TestParallelRepetitionsOpenOnePending(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.newKey("bot-1")
		got := s.atOnce(20, func(int) error {
			_, _, err := s.OpenPending(s.ctx, latchkey.Opening{Pending: s.pending(latchkey.OpCreate, k), Activity: s.activity(latchkey.ActPendingOpened),
				IdempotencyKey: "request-1", IdempotencyDigest: "a"})
			return err
		})
		s.same(got, map[string]int{"": 20})
		s.same(s.number("SELECT count(*) FROM pending"), int64(1))
	})
}

func TestOfParallelResendsOneWins(t *testing.T) {
	onEach(t, func(s *suite) {
		p := s.opened(latchkey.OpCreate, s.newKey("bot-1"))
		got := s.atOnce(20, func(i int) error {
			next := p
			next.Sends, next.Code = 2, latchkey.Secret(fmt.Sprint("code-", i))
			return s.Resend(s.ctx, next, 1, s.activity(latchkey.ActCodeSent), nil)
		})
		s.same(got, map[string]int{"": 1, "pending_changed": 19})
	})
}

func TestParallelActivitiesMakeOneChainWithoutGaps(t *testing.T) {
	onEach(t, func(s *suite) {
		before := s.verified()
		got := s.atOnce(60, func(int) error { return s.Record(s.ctx, s.activity(latchkey.ActRefused)) })
		s.same(got, map[string]int{"": 60})
		s.same(s.verified(), before+60)
		s.same(s.number("SELECT max(seq) FROM activity"), before+60)
	})
}

func TestParallelReceiversGetEachLetterOnce(t *testing.T) {
	onEach(t, func(s *suite) {
		var letters []latchkey.Letter
		for range 20 {
			letters = append(letters, latchkey.Letter{Kind: latchkey.LetterNotice})
		}
		s.must(s.Record(s.ctx, s.activity(latchkey.ActKeyEdited), letters...))
		var ids sync.Map
		got := s.atOnce(20, func(int) error {
			id, _, _, ok, err := s.ReceiveLetter(s.ctx)
			if _, twice := ids.LoadOrStore(id, true); err == nil && ok && twice {
				return fmt.Errorf("letter %s came twice", id)
			}
			return err
		})
		s.same(got, map[string]int{"": 20})
	})
}
