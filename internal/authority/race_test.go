package authority_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey"
	"latchkey/internal/authority"
)

// crowd runs do n times, most of them at once.
func crowd(n, most int, do func(i int)) {
	var all sync.WaitGroup
	slots := make(chan struct{}, most)
	for i := range n {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			do(i)
		})
	}
	all.Wait()
}

// counter counts the evaluations that were granted.
type counter struct {
	authority.Store
	evaluations atomic.Int64
}

func (c *counter) ChargeAttempt(ctx context.Context, q latchkey.Charge) (latchkey.Pending, error) {
	p, err := c.Store.ChargeAttempt(ctx, q)
	if err == nil {
		c.evaluations.Add(1)
	}
	return p, err
}

func TestRightCodeAThousandTimesAtOnceWinsOnce(t *testing.T) {
	onEach(t, func(w *world) {
		o := mailed(w)
		right := o.sent()
		var wins atomic.Int64
		crowd(1000, 1000, func(int) {
			if o.try(right) == nil {
				wins.Add(1)
			}
		})
		is(w, "confirmations", wins.Load(), 1)
		is(w, "version", w.stored(o.shown().Pending.KeyID).Version, 2)
	})
}

// The attack: guess the six digits by brute force, over many connections and
// several console processes, so that all guesses are in flight before the
// first wrong one was counted.
func TestTenThousandGuessesAtOnceAreFiveEvaluations(t *testing.T) {
	onEach(t, func(w *world) {
		o := mailed(w)
		right := number(o.sent().Code)
		count := &counter{Store: w.store}
		var consoles [3]*authority.Authority
		for i := range consoles {
			consoles[i] = w.other(func(c *authority.Config) { c.Store = count })
		}
		var wins atomic.Int64
		crowd(10_000, 200, func(i int) {
			guess := code(fmt.Sprintf("%06d", (right+1+i)%1_000_000))
			if _, err := consoles[i%3].Confirm(w.ctx, o.owner, o.id, guess); err == nil {
				wins.Add(1)
			}
		})
		is(w, "evaluations", count.evaluations.Load(), 5)
		is(w, "wrong codes that won", wins.Load(), 0)
		w.refused(o.try(code(fmt.Sprintf("%06d", right))), "pending_dead")
		is(w, "version", w.stored(o.shown().Pending.KeyID).Version, 1)
		recorded := w.activities(latchkey.ActivityQuery{Types: []latchkey.ActivityType{latchkey.ActCodeWrong, latchkey.ActPendingDied}})
		is(w, "wrong codes that are recorded", len(recorded), 5)
	})
}

// The twin: were an evaluation not charged before it is made, as many guesses
// as somebody likes would be looked at, and the right one is found.
func TestWithoutTheChargeTheCodeIsFound(t *testing.T) {
	w := newWorld(t)
	o := mailed(w)
	right := number(o.sent().Code)
	naive := w.over(&loose{free: true})
	var wins atomic.Int64
	crowd(50, 50, func(i int) {
		guess := code(fmt.Sprintf("%06d", (right+25-i+1_000_000)%1_000_000))
		if _, err := naive.Confirm(w.ctx, o.owner, o.id, guess); err == nil {
			wins.Add(1)
		}
	})
	is(w, "codes that were found", wins.Load(), 1)
}

// twoEdits opens two edits of two keys that one code of the app would prove.
func twoEdits(w *world) (latchkey.Actor, []string) {
	w.t.Helper()
	owner := w.signIn(w.owner)
	var ids []string
	for range 2 {
		k, _ := w.create(owner, latchkey.NewID("n"))
		ids = append(ids, w.edit(owner, k, rw).Pending.ID)
	}
	return owner, ids
}

func TestStepOfTheAppWorksOnce(t *testing.T) {
	w := newWorld(t)
	owner, ids := twoEdits(w)
	answer := code(w.right(ids[0]))
	_, err := w.Confirm(w.ctx, owner, ids[0], answer)
	w.must(err)
	_, err = w.Confirm(w.ctx, owner, ids[1], answer)
	w.refused(err, "code_used")
	// Neither does an older step, which the clock's drift would allow.
	_, seed, _, err := w.store.FactorSecret(w.ctx, w.owner.ID, w.app.ID)
	w.must(err)
	w.clock.Advance(-30e9)
	older := code(w.totp(seed))
	w.clock.Advance(30e9)
	_, err = w.Confirm(w.ctx, owner, ids[1], older)
	w.refused(err, "code_used")
	// It is told apart for the person's sake, and counts as a try all the same.
	shown, err := w.Pending(w.ctx, owner, ids[1])
	w.must(err)
	is(w, "tries left", shown.TriesLeft, 3)
	_, err = w.Confirm(w.ctx, owner, ids[1], code(w.right(ids[1])))
	w.must(err)
}

func TestStepOfTheAppWorksOnceAlsoAtOnce(t *testing.T) {
	onEach(t, func(w *world) {
		w.config.Limits.KeysPerAccount = 100
		w.config.Limits.WrongCodesHourly = 1000
		w.Authority = authority.New(w.config)
		for range 5 {
			owner, ids := twoEdits(w)
			answer := code(w.right(ids[0]))
			var wins atomic.Int64
			crowd(2, 2, func(i int) {
				_, err := w.Confirm(w.ctx, owner, ids[i], answer)
				if err == nil {
					wins.Add(1)
				} else if c := latchkey.Code(err); c != "wrong_code" && c != "code_used" {
					w.t.Errorf("the loser gets %v", err)
				}
			})
			is(w, "confirmations by one code", wins.Load(), 1)
		}
	})
}

func TestWithoutTheStepACodeWorksTwice(t *testing.T) {
	w := newWorld(t)
	owner, ids := twoEdits(w)
	answer := code(w.right(ids[0]))
	naive := w.over(&loose{
		factor: func(lastStep *int64) { *lastStep = 0 },
		deed:   func(d *latchkey.Deed) { d.TOTPStep = 0 },
	})
	for _, id := range ids {
		_, err := naive.Confirm(w.ctx, owner, id, answer)
		w.must(err)
	}
}

// Two edits on one version of a key: without the version in the deed the
// second would overwrite what the first one's owner has just seen confirmed.
func TestWithoutTheVersionTheSecondEditOverwrites(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, _ := w.create(owner, "bot-1")
	narrow, wide := w.edit(owner, k, latchkey.Read), w.edit(owner, k, rt|latchkey.FundsExternal)
	w.confirm(owner, narrow)
	naive := w.over(&loose{
		key:  func(stored *latchkey.Key) { stored.Version = k.Version },
		deed: func(d *latchkey.Deed) { d.KeyFrom, d.Key.Version = k.Version+1, k.Version+2 },
	})
	_, err := naive.Confirm(w.ctx, owner, wide.Pending.ID, code(w.right(wide.Pending.ID)))
	w.must(err)
	is(w, "permissions", w.stored(k.ID).Permissions, rt|latchkey.FundsExternal)
}

// An emergency stop must not lose against edits that come in at the same time.
func TestDeactivationWinsAgainstChangesAtTheSameTime(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, _ := w.active(owner, "bot-1")
	moves := 3
	busy := w.over(&loose{key: func(*latchkey.Key) {
		if moves--; moves < 0 {
			return
		}
		for _, op := range []latchkey.Operation{latchkey.OpDeactivate, latchkey.OpActivate} {
			_, _, err := w.Operator().Move(w.ctx, k.ID, op)
			w.must(err)
		}
	}})
	stopped, _, err := busy.Deactivate(w.ctx, owner, k.ID)
	w.must(err)
	is(w, "status", stopped.Status, latchkey.StatusInactive)
	is(w, "stored status", w.stored(k.ID).Status, latchkey.StatusInactive)
}
