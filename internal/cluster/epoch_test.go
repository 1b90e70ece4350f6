package cluster_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/testenv/redis"
)

// authority is the database and the barrier, as far as an epoch needs them.
type authority struct {
	mu    sync.Mutex
	revs  latchkey.Revs
	steps []string
	down  error
}

func (a *authority) Revs(context.Context) (latchkey.Revs, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.revs, a.down
}

func (a *authority) SetReplayEpoch(_ context.Context, name string, since time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revs.ReplayEpoch, a.revs.ReplaySince = name, since
	step := "begin"
	if name == "" {
		step = "end"
	}
	a.steps = append(a.steps, step)
	return nil
}

func (a *authority) Pass(context.Context) (latchkey.Receipt, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.steps = append(a.steps, "pass")
	return latchkey.Receipt{}, nil
}

func (a *authority) accepted() (string, time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.revs.ReplayEpoch, a.revs.ReplaySince
}

// did compares what happened since it was asked last.
func (a *authority) did(t *testing.T, want ...string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Equal(a.steps, want) {
		t.Fatalf("steps %q, want %q", a.steps, want)
	}
	a.steps = nil
}

func kept(t *testing.T, option ...string) (*redis.Server, *authority, *cluster.Redis, func() error) {
	s, a := redis.Start(t, option...), &authority{}
	r := open(t, s, &epoch{}, func(c *cluster.RedisConfig) { c.Epoch = a.accepted })
	return s, a, r, func() error { return r.KeepOnce(context.Background(), a, a) }
}

var renewed = []string{"end", "pass", "begin", "pass"}

func TestAnEpochBeginsWhenRedisForgotAndOnlyThen(t *testing.T) {
	s, a, r, keep := kept(t)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	before := time.Now()
	must(keep())
	a.did(t, renewed...)
	first, since := a.accepted()
	if first == "" || since.Before(before.Truncate(time.Millisecond)) || since.After(time.Now().Add(time.Second)) {
		t.Fatalf("epoch %q since %v", first, since)
	}
	must(keep())
	a.did(t)
	refuses(t, r, write("a", "one", time.Now(), time.Now()), cluster.ErrClock)

	s.Do(t, "FLUSHALL")
	if holds, err := r.Holds(context.Background(), first); holds || err != nil {
		t.Fatal(holds, err)
	}
	must(keep())
	a.did(t, renewed...)
	if second, later := a.accepted(); second == first || later.Before(since) {
		t.Fatalf("epoch %q since %v after %q since %v", second, later, first, since)
	}

	s.Kill(t)
	if err := keep(); err == nil {
		t.Fatal("an epoch holds in a server that is not there")
	}
	a.did(t) // and none begins: perhaps it only cannot be reached
	s.Restart(t)
	eventually(t, "an epoch begins", keep)
	if name, _ := a.accepted(); name == first || name == "" {
		t.Fatalf("epoch %q", name)
	}
}

// The clock of the new server may be behind: an epoch never begins before the
// one before it.
func TestTheBeginningOfAnEpochNeverGoesBack(t *testing.T) {
	_, a, _, keep := kept(t)
	ahead := time.Now().Add(time.Hour)
	a.revs.ReplaySince = ahead
	if err := keep(); err != nil {
		t.Fatal(err)
	}
	if _, since := a.accepted(); !since.Equal(ahead) {
		t.Fatalf("since %v, want %v", since, ahead)
	}
}

func TestAnEpochEndsWhenRedisBeginsToEvict(t *testing.T) {
	s, a, r, keep := kept(t)
	if err := keep(); err != nil {
		t.Fatal(err)
	}
	a.did(t, renewed...)
	s.Do(t, "CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
	for range 2 {
		if err := keep(); !errors.Is(err, cluster.ErrEvicts) {
			t.Fatal(err)
		}
	}
	a.did(t, "end", "pass") // once
	refuses(t, r, write("a", "one", time.Now(), time.Now()), cluster.ErrEpoch)
	s.Do(t, "CONFIG", "SET", "maxmemory-policy", "noeviction")
	if err := keep(); err != nil {
		t.Fatal(err)
	}
	a.did(t, renewed...)
}

// Two consoles that begin an epoch at once agree in the end.
func TestTwoConsolesAgreeAboutAnEpoch(t *testing.T) {
	_, a, r, _ := kept(t)
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			if err := r.Keep(ctx, a, a); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "an epoch that holds", func() error {
		name, _ := a.accepted()
		if holds, err := r.Holds(ctx, name); !holds {
			return errors.Join(errors.New("no"), err)
		}
		return nil
	})
	stop()
	all.Wait()
}

func TestADatabaseThatIsAwayBeginsNoEpoch(t *testing.T) {
	_, a, _, keep := kept(t)
	a.down = errDown
	if err := keep(); !errors.Is(err, errDown) {
		t.Fatal(err)
	}
	a.did(t)
}
