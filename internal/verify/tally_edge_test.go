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
)

// A public call has no owner to whom it could be shown.
func TestAPublicCallIsNotNoted(t *testing.T) {
	w, tally := good().world(), verify.NewTally()
	public := &latchkey.Action{Name: "get_ticker", PublicREST: true, PublicCost: 100}
	for _, want := range []verify.Reason{verify.Allowed, verify.RateLimited} {
		v := w.Permit(context.Background(), public, home)
		if v.Reason != want {
			t.Errorf("the call is %v, want %v", v.Reason, want)
		}
		tally.Note(&v, "r")
	}
	if uses, calls := tally.Drain(math.MaxInt); len(uses)+len(calls) != 0 {
		t.Errorf("noted: %v, %v", uses, calls)
	}
}

// Somebody who knows the ids of very many keys floods with all of them, so that
// memory ends: the calls are counted, and those of no more keys are kept.
func TestRefusedCallsOfSoManyKeysAreKeptAndNoMore(t *testing.T) {
	c := good()
	w, tally := c.world(), verify.NewTally()
	c.broken = true
	var ids []string
	for i := 0; len(ids) < verify.KeysOfShard+2; i++ {
		if id := fmt.Sprint("lk_", i); tally.SameShard(id, "lk_0") {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		c.key.ID, c.keyID = id, id
		w.table.Put(c.key, secret)
		note(t, tally, w, c, verify.Unauthorized, "r")
	}
	uses, calls := tally.Drain(math.MaxInt)
	if len(calls) != verify.KeysOfShard || tally.Dropped() != 2 {
		t.Errorf("%d calls are kept, %d dropped", len(calls), tally.Dropped())
	}
	sum := int64(0)
	for _, u := range uses {
		sum += u.Refused
	}
	if len(uses) != len(ids) || sum != int64(len(ids)) {
		t.Errorf("%d keys with %d calls are counted, of %d", len(uses), sum, len(ids))
	}
}

// busyStore does not answer in time, and calls come in meanwhile.
type busyStore struct {
	meanwhile func()
	calls     []latchkey.RefusedCall
	uses      []latchkey.KeyUse
}

func (s *busyStore) NoteUse(ctx context.Context, uses []latchkey.KeyUse, calls []latchkey.RefusedCall) error {
	// A store that hangs holds the tally up for a while, and one that works has it.
	if end, bounded := ctx.Deadline(); !bounded || ctx.Err() != nil || time.Until(end) > time.Minute {
		return fmt.Errorf("the time to write is bounded: %v, and ends at %v", bounded, end)
	}
	if s.meanwhile != nil {
		s.meanwhile()
		s.meanwhile = nil
		return errors.New("the database does not answer")
	}
	s.uses, s.calls = uses, calls
	return nil
}

// The database is away while refused calls come in: the newest of the holder's
// are kept, in their order, the rest is counted, and no count is lost.
func TestWhatComesInDuringAnOutageComesFirst(t *testing.T) {
	for _, c := range []struct{ during, dropped int }{{0, 0}, {1, 1}, {10, 10}, {16, 16}} {
		t.Run(fmt.Sprint(c.during), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				call := good()
				call.key.Status = latchkey.StatusInactive
				w, tally := call.world(), verify.NewTally()
				some := func(from, n int) {
					for i := range n {
						note(t, tally, w, call, verify.KeyNotActivated, fmt.Sprint(from+i))
					}
				}
				some(0, verify.CallsOfHolder)
				s := &busyStore{meanwhile: func() { some(verify.CallsOfHolder, c.during) }}
				ctx, cancel := context.WithCancel(context.Background())
				var run sync.WaitGroup
				run.Go(func() { tally.Run(ctx, s, time.Second) })
				time.Sleep(time.Second)
				synctest.Wait()
				cancel() // the last flush
				run.Wait()
				if len(s.calls) != verify.CallsOfHolder || tally.Dropped() != int64(c.dropped) {
					t.Fatalf("%d calls are kept, %d dropped", len(s.calls), tally.Dropped())
				}
				for i, kept := range s.calls {
					if want := fmt.Sprint(c.dropped + i); kept.RequestID != want {
						t.Errorf("call %d is %s, want %s", i, kept.RequestID, want)
					}
				}
				if len(s.uses) != 1 || s.uses[0].Refused != int64(verify.CallsOfHolder+c.during) {
					t.Errorf("counted: %+v", s.uses)
				}
			})
		})
	}
}
