package cluster_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
)

// An *latchkey.Error would say that nothing was changed. The store has one for a
// write that did not begin, which is true of the confirmation only.
func TestAfterTheCommitNoErrorSaysThatNothingWasChanged(t *testing.T) {
	for _, step := range []string{"newest", "nodes", "confirm"} {
		synctest.Test(t, func(t *testing.T) {
			d := newDatabase()
			d.change("k")
			d.set(step, fate{refused: latchkey.Errorf(latchkey.KindUnavailable, "store_unavailable", "nothing was changed")})
			if _, err := barrier(d, nil).Pass(context.Background()); err == nil || latchkey.Code(err) != "" {
				t.Errorf("%s: %v", step, err)
			}
		})
	}
}

// A process that lost track of a key and reads it must not decide by what it
// read while another node still decides by what was before.
func TestAKeyThatWasReadAgainCountsOnlyWhenItIsInForceEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		join(t, d, "silent")
		d.change("k")
		b := barrier(d, nil)
		load := b.Settled(func(context.Context, string) (latchkey.Key, latchkey.Secret, error) {
			return latchkey.Key{ID: "k"}, "", latchkey.ErrKeyGone
		})
		short, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, _, err := load(short, "k"); err == nil || latchkey.Code(err) == latchkey.Code(latchkey.ErrKeyGone) {
			t.Errorf("before the change is confirmed: %v", err)
		}
		defer guard(b)()
		if _, _, err := load(context.Background(), "k"); latchkey.Code(err) != latchkey.Code(latchkey.ErrKeyGone) || d.confirmed() != 1 {
			t.Errorf("%v, confirmed %d", err, d.confirmed())
		}
	})
}

// The wait for a change whose console died counts from when another console saw
// it, and not from when that took over.
func TestAChangeOfADeadConsoleIsInDoubtNoLongerThanALeaseAndASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		join(t, d, "silent")
		d.change("k")
		defer guard(barrier(d, nil))()
		time.Sleep(cluster.Wait(leaseLength) + time.Second)
		synctest.Wait()
		if d.confirmed() != 1 {
			t.Error("it is still in doubt")
		}
	})
}
