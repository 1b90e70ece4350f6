package cluster_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/cluster"

	"pgregory.net/rapid"
)

const window = 20 * time.Second

// minute is the start of a calendar minute.
var minute = time.Unix(1_700_000_040, 0).UTC()

func local() *cluster.Local { return cluster.NewLocal(cluster.LocalConfig{Window: window}) }

// read takes points only.
func read(bucket string, cost int, now time.Time) latchkey.Take {
	return latchkey.Take{Bucket: []byte(bucket), Cost: cost, Limit: 200, Now: now}
}

// write is a call that changes something, signed at ts.
func write(bucket, signature string, ts, now time.Time) latchkey.Take {
	t := read(bucket, 1, now)
	t.Once, t.Stale = sha256.Sum256([]byte(signature)), ts.Add(window+1)
	return t
}

// ledger is what both forms have.
type ledger interface {
	Take(ctx context.Context, t latchkey.Take) (latchkey.Taken, error)
}

func takes(t testing.TB, l ledger, take latchkey.Take, want latchkey.Taken) {
	t.Helper()
	if got, err := l.Take(context.Background(), take); got != want || err != nil {
		t.Fatalf("took %d, %v; want %d", got, err, want)
	}
}

func refuses(t testing.TB, l ledger, take latchkey.Take, want error) {
	t.Helper()
	if got, err := l.Take(context.Background(), take); got != latchkey.TakenNothing || !errors.Is(err, want) {
		t.Fatalf("took %d, %v; want nothing and %v", got, err, want)
	}
}

func TestPointsEndAtTheLimitAndComeBackWithTheMinute(t *testing.T) {
	l := local()
	for i := range 40 {
		takes(t, l, read("a", 5, minute.Add(time.Duration(i)*time.Second)), latchkey.TakenAll)
	}
	last := minute.Add(time.Minute - 1)
	takes(t, l, read("a", 1, last), latchkey.TakenPointsUsedUp)
	takes(t, l, read("b", 200, last), latchkey.TakenAll) // another key is not touched
	takes(t, l, read("a", 200, minute.Add(time.Minute)), latchkey.TakenAll)
	takes(t, l, read("a", 1, minute.Add(time.Minute)), latchkey.TakenPointsUsedUp)
}

func TestADearCallThatDoesNotFitCostsNothing(t *testing.T) {
	l := local()
	takes(t, l, read("a", 195, minute), latchkey.TakenAll)
	takes(t, l, read("a", 10, minute), latchkey.TakenPointsUsedUp)
	takes(t, l, read("a", 5, minute), latchkey.TakenAll)
}

func TestAClockThatIsSetBackRefillsNothing(t *testing.T) {
	l := local()
	takes(t, l, read("a", 200, minute), latchkey.TakenAll)
	takes(t, l, read("a", 1, minute.Add(-time.Second)), latchkey.TakenPointsUsedUp)
	takes(t, l, read("a", 1, minute.Add(time.Second)), latchkey.TakenPointsUsedUp)
	// A clock that was wrong by an hour does not stop the key for that hour.
	takes(t, l, read("a", 1, minute.Add(-time.Hour)), latchkey.TakenAll)
}

func TestASignatureCountsOnceAsLongAsItIsFresh(t *testing.T) {
	for _, skew := range []time.Duration{-window, -7 * time.Second, 0, time.Second, 13 * time.Second, window} {
		t.Run(skew.String(), func(t *testing.T) {
			l := local()
			ts := minute.Add(skew)
			takes(t, l, write("a", "order", ts, minute), latchkey.TakenAll)
			for now := minute; !now.After(ts.Add(window)); now = now.Add(time.Second) {
				takes(t, l, read("x", 1, now), latchkey.TakenAll) // makes every shard's time pass
				takes(t, l, write("a", "order", ts, now), latchkey.TakenSeenBefore)
			}
			takes(t, l, write("a", "order", ts, ts.Add(window)), latchkey.TakenSeenBefore)
		})
	}
}

func TestARefusedTakeTakesNothing(t *testing.T) {
	l := local()
	takes(t, l, write("a", "one", minute, minute), latchkey.TakenAll)
	for range 500 {
		takes(t, l, write("a", "one", minute, minute), latchkey.TakenSeenBefore)
	}
	takes(t, l, read("a", 199, minute), latchkey.TakenAll) // the 500 cost nothing
	takes(t, l, write("a", "two", minute, minute), latchkey.TakenPointsUsedUp)
	next := minute.Add(time.Minute)
	two := write("a", "two", minute, next)
	two.Stale = next.Add(window) // as if signed later, with the same MAC
	takes(t, l, two, latchkey.TakenAll)
}

func TestUsedUpPointsAreToldBeforeAReplay(t *testing.T) {
	l := local()
	takes(t, l, write("a", "one", minute, minute), latchkey.TakenAll)
	takes(t, l, read("a", 199, minute), latchkey.TakenAll)
	takes(t, l, write("a", "one", minute, minute), latchkey.TakenPointsUsedUp)
}

func TestWhatWasForgottenIsNeverTakenForNew(t *testing.T) {
	l := local()
	takes(t, l, write("a", "order", minute, minute), latchkey.TakenAll)
	late := minute.Add(time.Hour)
	takes(t, l, write("a", "other", late, late), latchkey.TakenAll) // forgets the first
	// The clock is set back by an hour: the old signature looks fresh again.
	refuses(t, l, write("a", "order", minute, minute), cluster.ErrClock)
	takes(t, l, write("a", "third", late.Add(time.Second), late), latchkey.TakenAll)
}

func TestWhatWasSignedBeforeTheStartIsRefused(t *testing.T) {
	start := minute.Add(500 * time.Millisecond)
	l := cluster.NewLocal(cluster.LocalConfig{Window: window, Start: start})
	refuses(t, l, write("a", "one", minute.Add(-time.Second), start), cluster.ErrClock)
	takes(t, l, write("a", "two", minute, start), latchkey.TakenAll)
	takes(t, l, read("a", 1, start), latchkey.TakenAll) // reads may repeat
}

func TestMemoryIsBoundedAndFreed(t *testing.T) {
	l := cluster.NewLocal(cluster.LocalConfig{Window: window, Room: 64})
	takes(t, l, write("a", "one", minute, minute), latchkey.TakenAll)
	refuses(t, l, write("a", "two", minute, minute), cluster.ErrFull)
	takes(t, l, read("a", 1, minute), latchkey.TakenAll)
	later := minute.Add(2 * window)
	takes(t, l, write("a", "two", later, later), latchkey.TakenAll)
	full := 0
	for i := range 1000 { // one bucket a shard is the room
		if _, err := l.Take(context.Background(), read(fmt.Sprint("address", i), 1, later)); errors.Is(err, cluster.ErrFull) {
			full++
		}
	}
	if full < 900 {
		t.Errorf("%d of 1000 new callers were refused in a full ledger", full)
	}
}

func TestATakeThatMakesNoSenseIsRefused(t *testing.T) {
	good := write("a", "one", minute, minute)
	for name, spoil := range map[string]func(*latchkey.Take){
		"no bucket":     func(t *latchkey.Take) { t.Bucket = nil },
		"free":          func(t *latchkey.Take) { t.Cost = 0 },
		"negative cost": func(t *latchkey.Take) { t.Cost = -5 },
		"no time":       func(t *latchkey.Take) { t.Now = time.Time{} },
	} {
		take := good
		spoil(&take)
		t.Run(name, func(t *testing.T) { refuses(t, local(), take, cluster.ErrTake) })
	}
	far := good
	far.Stale = minute.Add(2*window + 2*time.Second)
	refuses(t, local(), far, cluster.ErrAhead)
}

// One of a thousand copies wins, and the limit holds to the point, whatever the
// goroutines do.
func TestOneOfManyCopiesWins(t *testing.T) {
	l := local()
	var won, paid atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 125 {
				if got, _ := l.Take(context.Background(), write("a", "order", minute, minute)); got == latchkey.TakenAll {
					won.Add(1)
				}
				if got, _ := l.Take(context.Background(), read("b", 3, minute)); got == latchkey.TakenAll {
					paid.Add(1)
				}
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || paid.Load() != 66 {
		t.Errorf("%d copies won, want 1; %d calls of 3 points were paid from 200, want 66", won.Load(), paid.Load())
	}
}

// Against a ledger that never forgets: as long as the clock goes forward, Local
// gives the same answers.
func TestLocalAgreesWithALedgerThatNeverForgets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, now := local(), minute
		seen, used := map[string]bool{}, map[string]int{}
		for range rapid.IntRange(1, 200).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(8*time.Second)).Draw(t, "pause")))
			skew := time.Duration(rapid.IntRange(-20, 20).Draw(t, "skew")) * time.Second
			ts := now.Truncate(time.Second).Add(skew)
			if now.Sub(ts).Abs() > window {
				continue // refused as not fresh before anybody takes
			}
			id := fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "order"), ts.Unix())
			bucket := fmt.Sprint("a ", now.Unix()/60)
			take := write("a", id, ts, now)
			take.Limit = 8
			want := latchkey.TakenAll
			switch {
			case used[bucket] >= 8:
				want = latchkey.TakenPointsUsedUp
			case seen[id]:
				want = latchkey.TakenSeenBefore
			default:
				seen[id] = true
				used[bucket]++
			}
			if got, err := l.Take(context.Background(), take); got != want || err != nil {
				t.Fatalf("took %d, %v; want %d", got, err, want)
			}
		}
	})
}

// A key brings its points along, so that the ledger need not look for them; it
// must count them as it does those that it keeps itself, also when calls come out
// of order or the clock is set back a little.
func TestPointsThatComeAlongCountLikeThoseThatAreKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kept, along := local(), local()
		var points latchkey.Points
		clock := minute
		for range rapid.IntRange(1, 60).Draw(t, "takes") {
			clock = clock.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second)
			now := clock.Add(-time.Duration(rapid.IntRange(0, 30).Draw(t, "late")) * time.Second)
			take := read("lk_one", rapid.IntRange(1, 150).Draw(t, "cost"), now)
			want, errWant := kept.Take(context.Background(), take)
			take.Points = &points
			if got, err := along.Take(context.Background(), take); got != want || !errors.Is(err, errWant) {
				t.Fatalf("took %d, %v; want %d, %v", got, err, want, errWant)
			}
		}
	})
}
