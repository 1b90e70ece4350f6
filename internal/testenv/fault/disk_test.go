//go:build fault

package fault

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"latchkey/internal/testenv/postgres"
)

// fills is how often the disk is full at most.
const fills = 5

// TestAFullDiskOfTheDatabaseLosesNothing leaves PostgreSQL no room for its
// write-ahead log again and again while keys are changed: it gives up in the
// middle of commits, some of whose answers are lost, and comes up again when there
// is room.
func TestAFullDiskOfTheDatabaseLosesNothing(t *testing.T) {
	seed, changes := number(t, "FAULTSEED", rand.Uint64()), number(t, "DISKCHANGES", 100)
	t.Logf("FAULTSEED=%d repeats the choices of this run", seed)
	s := newSite(t, postgres.NewSmallPair(t), plan{program: build(t, ""), lease: time.Second, keys: 8})
	c := &chaos{site: s, rng: rand.New(rand.NewPCG(seed, 400))}
	full := 0
	s.run(seed, enough{changes: changes}, time.Minute+time.Duration(changes)*time.Second, func(ctx context.Context) {
		for c.wait(ctx, 0.5, 1.5); ctx.Err() == nil && full < fills; c.wait(ctx, 1, 3) {
			if err := c.fullDisk(ctx); err != nil {
				s.fault("the database: %v", err)
				return
			}
			full++
		}
	})
	s.finish(changes)
	if t.Failed() {
		t.Logf("PostgreSQL said: %s", s.db.Said())
	}
	t.Logf("the disk was full %d times; PostgreSQL panicked %d times", full, s.db.Panics())
	if full < 2 || s.db.Panics() < full {
		t.Errorf("the disk was full %d times, and PostgreSQL panicked %d times: the run shows nothing", full, s.db.Panics())
	}
}
