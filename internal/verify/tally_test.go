package verify_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"latchkey"
	"latchkey/internal/verify"

	"github.com/google/go-cmp/cmp"
)

// note checks a call and notes the verdict.
func note(t *testing.T, tally *verify.Tally, w world, c call, want verify.Reason, id string) {
	t.Helper()
	v := check(t, w, c, want)
	tally.Note(&v, id)
}

func TestTheTallyNotesUsesAndRefusedCalls(t *testing.T) {
	c := good()
	w, tally := c.world(), verify.NewTally()
	note(t, tally, w, c, verify.Allowed, "r-1")
	note(t, tally, w, c, verify.Replayed, "r-2")
	c.broken = true
	note(t, tally, w, c, verify.Unauthorized, "r-3")
	c.keyID = "lk_two"
	note(t, tally, w, c, verify.Unauthorized, "r-4") // nobody's
	uses, calls := tally.Drain(math.MaxInt)
	if diff := cmp.Diff([]latchkey.KeyUse{{KeyID: "lk_one", LastUsed: now, Allowed: 1, Refused: 2}}, uses); diff != "" {
		t.Error(diff)
	}
	row := latchkey.RefusedCall{At: now, AccountID: "acc_one", KeyID: "lk_one", Action: "do_my_new_order", IP: "192.0.2.7"}
	replayed, forged := row, row
	replayed.Reason, replayed.RequestID = "replayed", "r-2"
	replayed.Detail = "This request was received before and is not executed twice; sign it again with the current time if you mean a new one"
	forged.Reason, forged.RequestID = "unauthorized", "r-3"
	forged.Detail = "Authorization Failed: API key not passed or incorrect"
	if diff := cmp.Diff([]latchkey.RefusedCall{replayed, forged}, calls); diff != "" {
		t.Error(diff)
	}
	if uses, calls := tally.Drain(math.MaxInt); uses != nil || calls != nil {
		t.Error("drained twice")
	}
}

// Somebody who knows only the id of a key floods; the holder's refused calls
// stay, the newest of each, and the rest is counted.
func TestAFloodPushesOutNothingOfTheHolder(t *testing.T) {
	c := good()
	c.key.Status = latchkey.StatusInactive
	w, tally := c.world(), verify.NewTally()
	for i := range 30 {
		note(t, tally, w, c, verify.KeyNotActivated, fmt.Sprint("holder-", i))
	}
	c.broken = true
	for i := range 5000 {
		note(t, tally, w, c, verify.Unauthorized, fmt.Sprint("flood-", i))
	}
	uses, calls := tally.Drain(math.MaxInt)
	if len(calls) != verify.CallsOfHolder+verify.CallsOfStranger || uses[0].Refused != 5030 {
		t.Fatalf("%d calls, %d refused", len(calls), uses[0].Refused)
	}
	if calls[0].RequestID != "holder-14" || calls[verify.CallsOfHolder-1].RequestID != "holder-29" || calls[len(calls)-1].RequestID != "flood-4999" {
		t.Errorf("kept %s to %s and %s", calls[0].RequestID, calls[verify.CallsOfHolder-1].RequestID, calls[len(calls)-1].RequestID)
	}
	if want := int64(5030 - len(calls)); tally.Dropped() != want {
		t.Errorf("%d dropped, want %d", tally.Dropped(), want)
	}
}

// store takes notes, unless it is down.
type store struct {
	mu    sync.Mutex
	down  bool
	uses  map[string]latchkey.KeyUse
	calls []latchkey.RefusedCall
}

func (s *store) NoteUse(_ context.Context, uses []latchkey.KeyUse, calls []latchkey.RefusedCall) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return errors.New("the database does not answer")
	}
	for _, use := range uses {
		sum := s.uses[use.KeyID]
		s.uses[use.KeyID] = latchkey.KeyUse{KeyID: use.KeyID, LastUsed: use.LastUsed, Allowed: sum.Allowed + use.Allowed, Refused: sum.Refused + use.Refused}
	}
	s.calls = append(s.calls, calls...)
	return nil
}

func (s *store) is(t *testing.T, allowed, refused int64, calls int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := s.uses["lk_one"]; got.Allowed != allowed || got.Refused != refused || len(s.calls) != calls {
		t.Errorf("stored %+v and %d calls, want %d, %d and %d", got, len(s.calls), allowed, refused, calls)
	}
}

func TestTheTallyLosesNothingToAShortOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := good()
		w, tally, s := c.world(), verify.NewTally(), &store{uses: map[string]latchkey.KeyUse{}}
		ctx, cancel := context.WithCancel(context.Background())
		var run sync.WaitGroup
		run.Go(func() { tally.Run(ctx, s, time.Second) })
		note(t, tally, w, c, verify.Allowed, "r-1")
		time.Sleep(time.Second)
		synctest.Wait()
		s.is(t, 1, 0, 0)
		s.mu.Lock()
		s.down = true
		s.mu.Unlock()
		for i := range 5 {
			note(t, tally, w, c, verify.Replayed, fmt.Sprint("r-2-", i))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		s.is(t, 1, 0, 0)
		s.mu.Lock()
		s.down = false
		s.mu.Unlock()
		note(t, tally, w, c, verify.Replayed, "r-3")
		cancel() // the last flush
		run.Wait()
		s.is(t, 1, 6, 6)
		for i, call := range s.calls[:5] {
			if call.RequestID != fmt.Sprint("r-2-", i) {
				t.Errorf("call %d is %s", i, call.RequestID)
			}
		}
	})
}

func TestTheTallyIsSafeFromManyGoroutines(t *testing.T) {
	c := good()
	w, tally := c.world(), verify.NewTally()
	v := check(t, w, c, verify.Allowed)
	var all sync.WaitGroup
	var sum int64
	var mu sync.Mutex
	for range 50 {
		all.Go(func() { tally.Note(&v, "r") })
		all.Go(func() {
			uses, _ := tally.Drain(math.MaxInt)
			for _, u := range uses {
				mu.Lock()
				sum += u.Allowed
				mu.Unlock()
			}
		})
	}
	all.Wait()
	uses, _ := tally.Drain(math.MaxInt)
	for _, u := range uses {
		sum += u.Allowed
	}
	if sum != 50 {
		t.Errorf("%d uses noted, want 50", sum)
	}
}

// However many keys are busy, a flush writes few of them, and each in its turn;
// refused calls do not wait.
func TestAFlushIsBoundedAndLeavesNobodyOut(t *testing.T) {
	const keys = 20_000
	c := good()
	w, tally := c.world(), verify.NewTally()
	var all []verify.Verdict
	for i := range keys {
		c.key.ID, c.keyID = fmt.Sprint("lk_", i), fmt.Sprint("lk_", i)
		w.table.Put(c.key, secret)
		all = append(all, check(t, w, c, verify.Allowed))
	}
	refused := all[keys-1]
	refused.Reason = verify.IPNotAllowed
	sum := map[string]int64{}
	const rounds, most = 250, 100 // fewer than a part of the tally holds
	for round := range rounds {
		for i := range all {
			tally.Note(&all[i], "r")
		}
		tally.Note(&refused, "r")
		uses, calls := tally.Drain(most)
		if len(uses) < most || len(uses) > most+1 || len(calls) != 1 {
			t.Fatalf("round %d drains %d keys and %d calls", round, len(uses), len(calls))
		}
		for _, u := range uses {
			sum[u.KeyID] += u.Allowed
		}
	}
	if len(sum) != keys {
		t.Errorf("%d of %d keys had their turn", len(sum), keys)
	}
	rest, _ := tally.Drain(math.MaxInt)
	total := int64(0)
	for _, u := range rest {
		sum[u.KeyID] += u.Allowed
	}
	for _, n := range sum {
		total += n
	}
	if total != rounds*keys {
		t.Errorf("%d uses of %d", total, rounds*keys)
	}
}
