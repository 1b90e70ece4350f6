package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/testenv/redis"
)

// fleet is one ledger as four gateway nodes see it, with a clock.
type fleet struct {
	nodes [4]ledger
	now   func() time.Time
	turn  func() // another calendar minute begins
}

// fleets are the forms that must behave alike.
func fleets(t *testing.T, test func(t *testing.T, f fleet)) {
	t.Run("Local", func(t *testing.T) { test(t, localFleet()) })
	t.Run("Redis", func(t *testing.T) { test(t, redisFleet(t)) })
}

func localFleet() fleet {
	l, now := cluster.NewLocal(cluster.LocalConfig{Window: window}), minute
	return fleet{
		nodes: [4]ledger{l, l, l, l},
		now:   func() time.Time { return now },
		turn:  func() { now = now.Add(time.Minute) },
	}
}

// aMinute is how the script says it. That of the tests is one that does not end
// meanwhile, and the next one is of another length, with another number.
const aMinute = "MINUTE = 60000\n"

func redisFleet(t *testing.T) fleet {
	s := redis.Start(t)
	e := &epoch{}
	var all [4]*cluster.Redis
	f := fleet{now: time.Now}
	length := int64(1e12)
	f.turn = func() {
		for _, r := range all {
			r.Rewrite(aMinute, fmt.Sprintf("MINUTE = %d\n", length))
		}
		length /= 2
	}
	for i := range all {
		all[i] = open(t, s, e, nil)
		f.nodes[i] = all[i]
	}
	f.turn()
	e.begin(t, all[0], time.Time{})
	return f
}

// epoch is what the database says.
type epoch struct {
	name  atomic.Pointer[string]
	since atomic.Pointer[time.Time]
}

func (e *epoch) accepted() (string, time.Time) {
	if e.name.Load() == nil {
		return "", time.Time{}
	}
	return *e.name.Load(), *e.since.Load()
}

// begin makes a new epoch the accepted one, as if it had begun then.
func (e *epoch) begin(t testing.TB, r *cluster.Redis, since time.Time) {
	t.Helper()
	var name string
	eventually(t, "an epoch begins", func() (err error) { // connections may be broken
		name, _, err = r.Begin(context.Background())
		return err
	})
	e.since.Store(&since)
	e.name.Store(&name)
}

// open makes one node's Redis. Its timeout is one that no test should reach.
func open(t testing.TB, s *redis.Server, e *epoch, change func(*cluster.RedisConfig)) *cluster.Redis {
	t.Helper()
	c := cluster.RedisConfig{URL: s.URL(), Window: window, Timeout: 10 * time.Second, Skew: 15 * time.Second, Epoch: e.accepted}
	if change != nil {
		change(&c)
	}
	r, err := cluster.NewRedis(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestNodesSharePoints(t *testing.T) {
	fleets(t, func(t *testing.T, f fleet) {
		for i := range 40 {
			takes(t, f.nodes[i%4], read("a", 5, f.now()), latchkey.TakenAll)
		}
		for _, node := range f.nodes {
			takes(t, node, read("a", 1, f.now()), latchkey.TakenPointsUsedUp)
		}
		takes(t, f.nodes[1], read("b", 200, f.now()), latchkey.TakenAll)
		f.turn()
		takes(t, f.nodes[2], read("a", 200, f.now()), latchkey.TakenAll)
		takes(t, f.nodes[3], read("a", 1, f.now()), latchkey.TakenPointsUsedUp)
	})
}

func TestOnEveryNodeADearCallThatDoesNotFitCostsNothing(t *testing.T) {
	fleets(t, func(t *testing.T, f fleet) {
		takes(t, f.nodes[0], read("a", 195, f.now()), latchkey.TakenAll)
		takes(t, f.nodes[1], read("a", 10, f.now()), latchkey.TakenPointsUsedUp)
		takes(t, f.nodes[2], read("a", 5, f.now()), latchkey.TakenAll)
	})
}

func TestOnEveryNodeARefusedTakeTakesNothing(t *testing.T) {
	fleets(t, func(t *testing.T, f fleet) {
		one, two := write("a", "one", f.now(), f.now()), write("a", "two", f.now().Add(2*time.Second), f.now())
		takes(t, f.nodes[0], one, latchkey.TakenAll)
		for i := range 50 {
			takes(t, f.nodes[i%4], one, latchkey.TakenSeenBefore)
		}
		takes(t, f.nodes[1], read("a", 199, f.now()), latchkey.TakenAll) // the 50 cost nothing
		takes(t, f.nodes[2], two, latchkey.TakenPointsUsedUp)
		takes(t, f.nodes[3], one, latchkey.TakenPointsUsedUp) // before it is told that it was seen
		f.turn()
		two = write("a", "two", f.now().Add(2*time.Second), f.now())
		takes(t, f.nodes[0], two, latchkey.TakenAll) // had no place
		takes(t, f.nodes[1], two, latchkey.TakenSeenBefore)
	})
}

func TestEqualMessagesOfTwoKeysAreTwoCalls(t *testing.T) {
	fleets(t, func(t *testing.T, f fleet) {
		for i := range 200 {
			key := fmt.Sprint("key", i)
			takes(t, f.nodes[i%4], write(key, "cancel all", f.now(), f.now()), latchkey.TakenAll)
		}
	})
}

func TestOneOf64TakersOnFourNodesWins(t *testing.T) {
	fleets(t, func(t *testing.T, f fleet) {
		now := f.now()
		for round := range 5 {
			var won, paid atomic.Int64
			var all sync.WaitGroup
			order, reader := write(fmt.Sprint("a", round), "order", now, now), read(fmt.Sprint("b", round), 5, now)
			for i := range 64 {
				all.Go(func() {
					if got, _ := f.nodes[i%4].Take(context.Background(), order); got == latchkey.TakenAll {
						won.Add(1)
					}
					if got, _ := f.nodes[i%4].Take(context.Background(), reader); got == latchkey.TakenAll {
						paid.Add(1)
					}
				})
			}
			all.Wait()
			if won.Load() != 1 || paid.Load() != 40 {
				t.Fatalf("%d of 64 copies won, want 1; %d calls of 5 points were paid from 200, want 40", won.Load(), paid.Load())
			}
		}
	})
}

func TestEveryNodeRefusesATakeThatMakesNoSense(t *testing.T) {
	fleets(t, func(t *testing.T, f fleet) {
		good := write("a", "one", f.now(), f.now())
		for _, spoil := range []func(*latchkey.Take){
			func(t *latchkey.Take) { t.Bucket = nil },
			func(t *latchkey.Take) { t.Cost = 0 },
			func(t *latchkey.Take) { t.Cost = -5 },
			func(t *latchkey.Take) { t.Now = time.Time{} },
		} {
			take := good
			spoil(&take)
			refuses(t, f.nodes[0], take, cluster.ErrTake)
		}
		far := good
		far.Stale = good.Now.Add(2*window + 2*time.Second)
		refuses(t, f.nodes[1], far, cluster.ErrAhead)
		takes(t, f.nodes[2], good, latchkey.TakenAll)
	})
}

// Against a ledger of ten lines, in one minute.
func TestEveryNodeAgreesWithALedgerThatNeverForgets(t *testing.T) {
	fleets(t, func(t *testing.T, f fleet) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		random := rand.New(rand.NewPCG(seed, 0))
		start := f.now()
		seen, used := map[string]bool{}, map[string]int{}
		for i := range 1500 {
			bucket, id, once := fmt.Sprint("key", random.IntN(40)), fmt.Sprint(random.IntN(4)), random.IntN(2) == 0
			take := read(bucket, 1+random.IntN(5), f.now())
			if once {
				w := write(bucket, id, start, f.now())
				take.Once, take.Stale = w.Once, w.Stale
			}
			take.Limit = 60
			want := latchkey.TakenAll
			switch {
			case used[bucket]+take.Cost > 60:
				want = latchkey.TakenPointsUsedUp
			case once && seen[bucket+" "+id]:
				want = latchkey.TakenSeenBefore
			default:
				used[bucket] += take.Cost
				seen[bucket+" "+id] = seen[bucket+" "+id] || once
			}
			if got, err := f.nodes[random.IntN(4)].Take(context.Background(), take); got != want || err != nil {
				t.Fatalf("take %d: %d, %v; want %d", i, got, err, want)
			}
		}
	})
}

func TestAPlaceEnds(t *testing.T) {
	t.Run("Redis", func(t *testing.T) {
		const short = 300 * time.Millisecond
		s, e := redis.Start(t), &epoch{}
		r := open(t, s, e, func(c *cluster.RedisConfig) { c.Window, c.Skew = short, 500*time.Millisecond })
		e.begin(t, r, time.Time{})
		try := func() (latchkey.Taken, error) {
			take := read("a", 1, time.Now())
			take.Once, take.Stale = [32]byte{1}, time.Now().Add(short+1)
			return r.Take(context.Background(), take)
		}
		if got, err := try(); got != latchkey.TakenAll {
			t.Fatal(got, err)
		}
		if got, err := try(); got != latchkey.TakenSeenBefore {
			t.Fatal(got, err)
		}
		for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			got, err := try()
			if passed := time.Since(begin); got == latchkey.TakenAll && passed > short {
				return
			} else if got == latchkey.TakenAll || passed > 20*time.Second {
				t.Fatalf("after %v: %d, %v", passed, got, err)
			}
		}
	})
	t.Run("Local", func(t *testing.T) {
		l, later := local(), minute.Add(2*window)
		takes(t, l, write("a", "x", minute, minute), latchkey.TakenAll)
		takes(t, l, write("a", "x", later, later), latchkey.TakenAll)
	})
}

// What Redis holds: nothing that names a caller or a signature, and nothing
// that stays, but for the marks.
func TestRedisGetsToKnowNoSecretAndForgetsEverything(t *testing.T) {
	s, e := redis.Start(t), &epoch{}
	r := open(t, s, e, nil)
	e.begin(t, r, time.Time{})
	take := write("api_key_of_somebody", "order", time.Now(), time.Now())
	takes(t, r, take, latchkey.TakenAll)
	keys := strings.Fields(s.Do(t, "KEYS", "*"))
	if len(keys) != 16+2 {
		t.Fatalf("keys %q; want 16 marks, points and a place", keys)
	}
	now := time.Now()
	end := take.Stale.Add(15 * time.Second).UnixMilli() // with the skew of open
	for _, key := range keys {
		text := key + " " + s.Do(t, "GET", key)
		for _, secret := range []string{"somebody", string(take.Once[:]), fmt.Sprintf("%x", take.Once[:8])} {
			if strings.Contains(text, secret) {
				t.Errorf("%q holds what was taken", text)
			}
		}
		ends := s.Do(t, "PEXPIRETIME", key)
		switch {
		case strings.HasSuffix(key, "epoch"):
			if ends != "-1" {
				t.Errorf("the mark %s ends at %s", key, ends)
			}
		case strings.Contains(key, "points:"):
			var at, used int64
			if _, err := fmt.Sscan(s.Do(t, "GET", key), &at, &used); err != nil || at < now.Unix()/60-1 || at > now.Unix()/60+1 || used != 1 {
				t.Errorf("points are %q", text)
			}
			if ends != fmt.Sprint((at+1)*60_000) {
				t.Errorf("points of the minute %d end at %s", at, ends)
			}
		default:
			if ends != fmt.Sprint(end+1) { // rounded up
				t.Errorf("the place ends at %s, want %d", ends, end+1)
			}
		}
	}
}

func TestWithoutAnEpochNothingThatMustNotHappenTwiceIsTaken(t *testing.T) {
	s := redis.Start(t)
	e := &epoch{}
	r := open(t, s, e, nil)
	refuses(t, r, write("a", "one", time.Now(), time.Now()), cluster.ErrEpoch)
	takes(t, r, read("a", 200, time.Now()), latchkey.TakenAll) // and nothing was paid
	e.begin(t, r, time.Time{})
	bare, err := cluster.NewRedis(context.Background(), cluster.RedisConfig{URL: s.URL(), Window: window})
	if err != nil {
		t.Fatal(err)
	}
	defer bare.Close()
	if _, err := bare.Take(context.Background(), write("b", "one", time.Now(), time.Now())); !errors.Is(err, cluster.ErrEpoch) {
		t.Fatal(err)
	}
}
