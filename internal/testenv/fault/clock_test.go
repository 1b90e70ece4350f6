//go:build fault

package fault

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"latchkey/internal/testenv/postgres"
)

// clock is by how much the time of day is wrong in one process. The program
// reads it from a file; the one that is shipped has no way to.
type clock struct {
	file   *os.File
	offset atomic.Int64
}

func newClock(t testing.TB, name string) *clock {
	t.Helper()
	file, err := os.Create(name)
	must(t, err)
	t.Cleanup(func() { _ = file.Close() })
	c := &clock{file: file}
	must(t, c.set(0))
	return c
}

func (c *clock) set(offset time.Duration) error {
	c.offset.Store(int64(offset))
	_, err := c.file.WriteAt(binary.BigEndian.AppendUint64(nil, uint64(offset)), 0)
	return err
}

// wall is the time of day as a machine takes it.
func (m *machine) wall() time.Time {
	if m.clock == nil {
		return time.Now()
	}
	return time.Now().Add(time.Duration(m.clock.offset.Load()))
}

const year = 365 * 24 * time.Hour

var jumps = []time.Duration{year, -year, time.Hour, -time.Hour, time.Second, -time.Second, 0}

// jump sets the clock of a machine to another time: wrong by up to a year, or
// right again.
func (c *chaos) jump(m *machine) {
	if err := m.clock.set(jumps[c.rng.IntN(len(jumps))]); err != nil {
		c.site.fault("the clock of %s: %v", m.name, err)
	}
	c.count("clock jumped")
}

// clockKinds are jumps, alone and at moments in which a machine cannot learn of
// a change.
var clockKinds = []faultKind{
	{"jump", func(c *chaos, _ context.Context, m *machine) { c.jump(m) }},
	{"jump while cut", func(c *chaos, ctx context.Context, m *machine) {
		m.line.there.cut()
		m.line.back.cut()
		c.wait(ctx, 0.1, 0.8) // as long as it holds a lease
		c.jump(m)
		c.wait(ctx, 1, 2.2)
		c.jump(m)
		m.line.mend()
	}},
	{"jump while paused", func(c *chaos, ctx context.Context, m *machine) {
		m.signal(syscall.SIGSTOP)
		c.jump(m)
		c.wait(ctx, 0.5, 2.2)
		m.signal(syscall.SIGCONT)
	}},
	{"start with a wrong clock", func(c *chaos, _ context.Context, m *machine) {
		m.kill()
		c.jump(m)
		c.restart(m)
	}},
}

// clocks lets bots, drivers and jumping clocks run, each of the latter at one
// machine at a time.
func (s *site) clocks(seed uint64, changes uint64, limit time.Duration) {
	var all []breaker
	for i, m := range s.machines {
		c := &chaos{site: s, rng: rand.New(rand.NewPCG(seed, uint64(500+i))), targets: []*machine{m}, kinds: clockKinds}
		all = append(all, c.run)
	}
	together := func(ctx context.Context) {
		var running sync.WaitGroup
		for _, b := range all[2:4] { // the last gateway and the second console stay reachable
			running.Go(func() { b(ctx) })
		}
		all[0](ctx)
		running.Wait()
	}
	only := func(ctx context.Context) {
		c := &chaos{site: s, rng: rand.New(rand.NewPCG(seed, 510)), targets: []*machine{s.machines[1], s.machines[4]}, kinds: clockKinds[:1]}
		c.run(ctx)
	}
	s.run(seed, enough{changes: changes}, limit, together, only)
}

// TestClocksThatJumpLetNothingThrough sets the time of day of single machines
// forward and back by a second, an hour and a year while keys are changed. Half
// of the bots know the wrong time, else no call would pass.
func TestClocksThatJumpLetNothingThrough(t *testing.T) {
	seed, changes := number(t, "FAULTSEED", rand.Uint64()), number(t, "CLOCKCHANGES", 80)
	t.Logf("FAULTSEED=%d repeats the choices of this run", seed)
	s := newSite(t, postgres.NewPair(t), plan{program: build(t, "faulty"), clocks: true, lease: time.Second, keys: 16})
	s.clocks(seed, changes, time.Minute+time.Duration(changes)*time.Second)
	s.finish(changes)
	if n := s.tally["clock jumped"]; n < 10 {
		t.Errorf("clocks jumped %d times: the run shows nothing", n)
	}
}

// TestALeaseByTheTimeOfDayIsFoundOut is the twin: it measures how long others may
// still serve with the clock that jumps. Consoles jump forward while a gateway is
// cut off, and do not wait for its lease.
func TestALeaseByTheTimeOfDayIsFoundOut(t *testing.T) {
	seed := number(t, "FAULTSEED", 1)
	s := newSite(t, postgres.NewPair(t), plan{program: build(t, "faulty"), env: []string{"LATCHKEY_FAULTY=wall"}, clocks: true, lease: time.Second, keys: 8})
	cut := &chaos{site: s, rng: rand.New(rand.NewPCG(seed, 520)), targets: s.machines[2:4], kinds: faultKinds[3:4]}
	s.run(seed, enough{changes: 1 << 62}, time.Minute, cut.run, func(ctx context.Context) {
		for hours := time.Duration(1); ctx.Err() == nil; hours++ {
			for _, m := range s.consoles {
				must(t, m.clock.set(hours*time.Hour))
			}
			pause(ctx, 100*time.Millisecond)
		}
	})
	s.mustBeFound(0)
}
