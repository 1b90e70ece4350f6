package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/testenv/redis"
)

// impatient are the settings of a node in a fault: what it does is measured.
func impatient(c *cluster.RedisConfig) {
	c.Timeout, c.Nodes = 100*time.Millisecond, func() int { return 4 }
}

// bearable is the most that a call may take in a fault. It is wide because the
// tests share the machine; a call that waits for Redis without a bound hangs.
const bearable = 2 * time.Second

// eventually tries until it works: a connection needs a moment to come back.
func eventually(t testing.TB, what string, try func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

// reads counts how many of the calls of one point are paid.
func reads(l ledger, bucket string, calls int) (paid int) {
	for range calls {
		if got, err := l.Take(context.Background(), read(bucket, 1, time.Now())); got == latchkey.TakenAll && err == nil {
			paid++
		}
	}
	return paid
}

func TestWhileRedisIsAwayReadsGoOnWithAPartOfTheirPoints(t *testing.T) {
	faults := map[string]struct {
		begin, end func(*redis.Server, testing.TB)
	}{
		"killed": {(*redis.Server).Kill, (*redis.Server).Restart},
		"frozen": {(*redis.Server).Freeze, (*redis.Server).Thaw},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			s, e := redis.Start(t), &epoch{}
			r := open(t, s, e, impatient)
			strict := open(t, s, e, func(c *cluster.RedisConfig) { impatient(c); c.RefuseReads = true })
			e.begin(t, r, time.Time{})
			takes(t, r, write("a", "order", time.Now(), time.Now()), latchkey.TakenAll)
			fault.begin(s, t)

			begin := time.Now()
			for i := range 4 {
				refuses(t, r, write("a", fmt.Sprint(i), time.Now(), time.Now()), cluster.ErrAway)
				refuses(t, strict, read("a", 1, time.Now()), cluster.ErrAway)
			}
			if took := time.Since(begin); took > 8*bearable {
				t.Errorf("8 calls took %v", took)
			}
			if !r.Away() {
				t.Error("it does not know that Redis is away")
			}
			begin = time.Now()
			minute := begin.Unix() / 60
			paid := reads(r, "a", 300)
			if took := time.Since(begin); took > bearable {
				t.Errorf("300 reads took %v: they must not wait for Redis each", took)
			}
			if paid != 50 && time.Now().Unix()/60 == minute {
				t.Errorf("%d of 300 reads were paid, want a quarter of 200", paid)
			}

			fault.end(s, t)
			eventually(t, "reads are shared again", func() error {
				reads(r, "b", 1)
				if r.Away() {
					return errors.New("away")
				}
				return nil
			})
			takes(t, r, read("c", 200, time.Now()), latchkey.TakenAll)
		})
	}
}

// More calls than the library's queues hold: none of them waits for a place.
func TestManyCallsToAFrozenRedisAreAllRefusedInTime(t *testing.T) {
	s, e := redis.Start(t), &epoch{}
	r := open(t, s, e, impatient)
	e.begin(t, r, time.Time{})
	flood := func(call func(i int)) {
		var all sync.WaitGroup
		for i := range 2000 {
			all.Go(func() { call(i) })
		}
		all.Wait()
	}
	flood(func(i int) { reads(r, fmt.Sprint(i), 1) }) // the queues are in use
	s.Freeze(t)
	var worst atomic.Int64
	flood(func(i int) {
		for range 4 {
			begin := time.Now()
			refuses(t, r, write("a", fmt.Sprint(i), begin, begin), cluster.ErrAway)
			took := int64(time.Since(begin))
			for old := worst.Load(); took > old && !worst.CompareAndSwap(old, took); old = worst.Load() {
			}
		}
	})
	if worst := time.Duration(worst.Load()); worst > time.Second {
		t.Errorf("a call took %v", worst)
	}
	if hanging := runtime.NumGoroutine(); hanging > 2000 {
		t.Errorf("%d goroutines wait for Redis", hanging)
	}
	s.Thaw(t)
	eventually(t, "calls are taken again", func() error {
		now := time.Now()
		_, err := r.Take(context.Background(), write("b", "order", now, now))
		return err
	})
}

// loss is a way in which Redis forgets. Twin is the guard of the script without
// which a signature passes twice.
type loss struct {
	option  []string
	prepare func(t *testing.T, s *redis.Server) // before the epoch
	split   func(t *testing.T, s *redis.Server) // what comes after is forgotten
	happen  func(t *testing.T, s *redis.Server)
	twin    string
}

// The check of the mark in the script, and the same with parts of it left out.
const (
	markGuard     = `redis.call('GET', KEYS[3]) ~= ARGV[6] .. ' ' .. run .. ' ' .. replication`
	noMark        = `false`
	noRun         = `string.match(redis.call('GET', KEYS[3]) or '', '^%S+') ~= ARGV[6]`
	noReplication = `string.match(redis.call('GET', KEYS[3]) or '', '^%S+ %S+') ~= ARGV[6] .. ' ' .. run`
)

func TestAfterALossNothingFromBeforeIsTakenAgain(t *testing.T) {
	nothing := func(*testing.T, *redis.Server) {}
	restart := func(t *testing.T, s *redis.Server) { s.Kill(t); s.Restart(t) }
	save := func(t *testing.T, s *redis.Server) { s.Do(t, "SAVE") }
	losses := map[string]loss{
		"restarted empty":           {nil, nothing, nothing, restart, noMark},
		"restarted from a snapshot": {nil, nothing, save, restart, noRun},
		"flushed":                   {nil, nothing, nothing, func(t *testing.T, s *redis.Server) { s.Do(t, "FLUSHALL") }, noMark},
		"failed over and back":      failover(t),
	}
	for name, l := range losses {
		t.Run(name, func(t *testing.T) {
			if got, err := l.befall(t, ""); got != latchkey.TakenNothing || !errors.Is(err, cluster.ErrEpoch) {
				t.Errorf("the signature passed again: %d, %v", got, err)
			}
		})
		t.Run(name+", without the guard", func(t *testing.T) {
			if got, err := l.befall(t, l.twin); got != latchkey.TakenAll {
				t.Errorf("took %d, %v: the test shows nothing", got, err)
			}
		})
	}
}

// befall takes a signature, lets the loss happen and takes it again.
func (l loss) befall(t *testing.T, twin string) (latchkey.Taken, error) {
	t.Helper()
	s, e := redis.Start(t, l.option...), &epoch{}
	r := open(t, s, e, nil)
	if twin != "" {
		r.Rewrite(markGuard, twin)
	}
	l.prepare(t, s)
	e.begin(t, r, time.Time{})
	l.split(t, s)
	order := write("a", "order", time.Now(), time.Now())
	takes(t, r, order, latchkey.TakenAll)
	takes(t, r, order, latchkey.TakenSeenBefore)
	l.happen(t, s)
	got, err := latchkey.TakenNothing, error(nil)
	eventually(t, "Redis answers", func() error {
		if got, err = r.Take(context.Background(), order); errors.Is(err, cluster.ErrAway) {
			return err
		}
		return nil
	})
	if twin == "" { // the new epoch does not let it pass either
		e.begin(t, r, time.Now())
		refuses(t, r, order, cluster.ErrClock)
	}
	return got, err
}

// failover is a primary that keeps running and its mark with it, but takes over
// the data of a replica that was the primary meanwhile and lacks the last
// writes. Only the replication id tells.
func failover(t *testing.T) loss {
	port, otherPort := strconv.Itoa(redis.Port(t)), strconv.Itoa(redis.Port(t))
	listen := func(port string) []string { return []string{"--port", port, "--bind", "127.0.0.1"} }
	follow := func(t *testing.T, s *redis.Server, port string) {
		s.Do(t, "REPLICAOF", "127.0.0.1", port)
		eventually(t, "the replica follows", func() error {
			if info := s.Do(t, "INFO", "replication"); !strings.Contains(info, "master_link_status:up") {
				return errors.New(info)
			}
			return nil
		})
	}
	var other *redis.Server
	return loss{
		option: append(listen(port), "--repl-diskless-sync-delay", "0"),
		prepare: func(t *testing.T, s *redis.Server) {
			other = redis.Start(t, append(listen(otherPort), "--repl-diskless-sync-delay", "0")...)
			follow(t, other, port)
		},
		split: func(t *testing.T, s *redis.Server) {
			// The marks must have come over.
			eventually(t, "the replica has the marks", func() error {
				if keys := other.Do(t, "DBSIZE"); keys != "16" {
					return errors.New(keys)
				}
				return nil
			})
			other.Do(t, "REPLICAOF", "NO", "ONE")
		},
		happen: func(t *testing.T, s *redis.Server) {
			follow(t, s, otherPort)
			s.Do(t, "REPLICAOF", "NO", "ONE")
		},
		twin: noReplication,
	}
}

// storm lets eight callers on four nodes try new and old signatures, 10,000 in
// all, flushes Redis in the middle, and counts signatures that passed twice and
// those that passed after the flush.
func storm(t *testing.T, change func(*cluster.Redis), since func(time.Time) time.Time) (twice, after int) {
	t.Helper()
	const fresh, takes = time.Second, 10_000
	s, e := redis.Start(t), &epoch{}
	var nodes [4]*cluster.Redis
	for i := range nodes {
		nodes[i] = open(t, s, e, func(c *cluster.RedisConfig) { c.Window, c.Skew = fresh, 300*time.Millisecond })
		change(nodes[i])
	}
	e.begin(t, nodes[0], time.Time{})
	type signature struct {
		ts     time.Time
		passed atomic.Int64
	}
	var mu sync.Mutex
	var signatures []*signature
	var tried, late atomic.Int64
	var flushed atomic.Bool
	try := func(random *rand.Rand) {
		tried.Add(1)
		now := time.Now()
		mu.Lock()
		number := len(signatures)
		if number > 0 && random.IntN(4) > 0 {
			number = random.IntN(number)
		} else {
			ahead := time.Duration(random.Int64N(int64(2*fresh))) - fresh
			signatures = append(signatures, &signature{ts: now.Add(ahead)})
		}
		sig := signatures[number]
		mu.Unlock()
		if now.Sub(sig.ts).Abs() > fresh {
			return // refused before anybody takes
		}
		take := latchkey.Take{Bucket: fmt.Append(nil, "key", number%50), Cost: 1, Limit: 1 << 40, Now: now, Stale: sig.ts.Add(fresh + 1)}
		take.Once[0], take.Once[1], take.Once[2] = byte(number), byte(number>>8), byte(number>>16)
		was := flushed.Load()
		if got, _ := nodes[random.IntN(4)].Take(context.Background(), take); got == latchkey.TakenAll {
			sig.passed.Add(1)
			if was {
				late.Add(1)
			}
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			// To the end of the takes, and then until a new signature passes.
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && (tried.Load() < takes || late.Load() == 0); {
				try(random)
			}
		})
	}
	eventually(t, "half of the takes", func() error {
		if n := tried.Load(); n < takes/2 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	s.Do(t, "FLUSHALL")
	flushed.Store(true)
	e.begin(t, nodes[1], since(time.Now()))
	all.Wait()
	for _, sig := range signatures {
		if sig.passed.Load() > 1 {
			twice++
		}
	}
	return twice, int(late.Load())
}

func TestNoSignaturePassesTwiceWhenRedisIsFlushedAmid10000(t *testing.T) {
	now := func(t time.Time) time.Time { return t }
	if twice, after := storm(t, func(*cluster.Redis) {}, now); twice > 0 || after == 0 {
		t.Errorf("%d signatures passed twice; %d passed after the flush", twice, after)
	}
	// The twins must be found out: without the mark, and without the floor.
	blind := func(r *cluster.Redis) { r.Rewrite(markGuard, "false") }
	if twice, _ := storm(t, blind, func(time.Time) time.Time { return time.Time{} }); twice == 0 {
		t.Error("without the check of the epoch no signature passed twice: the test shows nothing")
	}
	if twice, _ := storm(t, func(*cluster.Redis) {}, func(time.Time) time.Time { return time.Time{} }); twice == 0 {
		t.Error("without the floor of the epoch no signature passed twice: the test shows nothing")
	}
}
