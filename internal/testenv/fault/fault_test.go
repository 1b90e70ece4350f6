//go:build fault

package fault

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/testenv/disk"
	"latchkey/internal/testenv/postgres"
)

// build makes the program, once for each set of tags.
func build(t testing.TB, tags string) string {
	t.Helper()
	program := filepath.Join(programs, "latchkey"+tags)
	if _, err := os.Stat(program); err == nil {
		return program
	}
	out, err := exec.Command("go", "build", "-tags", tags, "-o", program, "latchkey/cmd/latchkey").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// programs is the folder of the built programs, set by TestMain.
var programs string

func TestMain(m *testing.M) {
	os.Exit(disk.Main(m, func(m *testing.M) int {
		dir, err := os.MkdirTemp("", "latchkey-fault-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		programs = dir
		return m.Run()
	}))
}

// number reads a parameter from the environment.
func number(t testing.TB, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%s is not a number", name, text)
	}
	return n
}

// enough is how much a run does before it ends.
type enough struct{ changes, calls uint64 }

func (s *site) has(e enough) bool {
	return s.acknowledged.Load() >= e.changes && uint64(s.number.Load()) >= e.calls
}

// breaker breaks something and mends it again until the context ends.
type breaker func(ctx context.Context)

// breakers are all kinds of faults of machines, and those of the database.
func (s *site) breakers(seed uint64) []breaker {
	var all []breaker
	for i, targets := range [][]*machine{{s.machines[0], s.machines[2], s.machines[3]}, {s.machines[1], s.machines[4]}} {
		all = append(all, (&chaos{site: s, rng: rand.New(rand.NewPCG(seed, uint64(200+i))), targets: targets, kinds: faultKinds}).run)
	}
	return append(all, (&chaos{site: s, rng: rand.New(rand.NewPCG(seed, 300))}).runDatabase)
}

// run makes changes under faults until there are enough, a fault of the program
// was found, or the time is over.
func (s *site) run(seed uint64, until enough, limit time.Duration, breakers ...breaker) {
	ctx, stop := context.WithTimeout(s.t.Context(), limit)
	defer stop()
	var bots, drivers, breaking sync.WaitGroup
	s.work(ctx, seed, &bots)
	for i := range s.slots {
		d := &driver{site: s, slot: i, rng: rand.New(rand.NewPCG(seed, uint64(i)))}
		drivers.Go(func() { d.run(ctx, func() bool { return !s.has(until) }) })
	}
	breakCtx, mend := context.WithCancel(ctx)
	defer mend()
	for _, b := range breakers {
		breaking.Go(func() { b(breakCtx) })
	}
	done := make(chan struct{})
	go func() {
		drivers.Wait()
		close(done)
	}()
	s.watch(ctx, done, until, limit)
	mend()
	breaking.Wait()
	stop()
	bots.Wait()
	<-done
}

// watch waits for the end of a run, and says once a minute how far it has come.
func (s *site) watch(ctx context.Context, done <-chan struct{}, until enough, limit time.Duration) {
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	for {
		select {
		case <-done:
			return
		case <-s.failed:
			return
		case <-ctx.Done():
			s.fault("the run was not over after %v", limit)
			return
		case <-minute.C:
			s.t.Logf("%d of %d changes, %d of %d calls", s.acknowledged.Load(), until.changes, s.number.Load(), until.calls)
		}
	}
}

// report prints what happened.
func (s *site) report(reads int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.t.Logf("%d calls, %d of them reached the exchange, %d by a session; %d definite answers were compared; answers: %v", s.number.Load(), len(s.landed), s.chatted, reads, s.codes)
	s.t.Logf("%d changes were acknowledged; faults and changes: %v", s.acknowledged.Load(), s.tally)
	s.t.Logf("acknowledged under faults after %s", spread(s.receipts))
	said := map[string]int{}
	for _, m := range s.machines {
		for _, line := range m.said("") {
			var entry struct {
				Msg string `json:"msg"`
			}
			if json.Unmarshal([]byte(line), &entry) != nil {
				entry.Msg = strings.TrimSpace(line)
			}
			said[entry.Msg]++
		}
	}
	s.t.Logf("the machines said: %v", said)
}

// spread is the middle, the 99th hundredth and the longest.
func spread(all []time.Duration) string {
	if len(all) == 0 {
		return "nothing"
	}
	all = slices.Sorted(slices.Values(all))
	at := func(part float64) time.Duration {
		return all[min(len(all)-1, int(part*float64(len(all))))].Round(time.Millisecond / 10)
	}
	return fmt.Sprintf("p50 %v, p99 %v, most %v of %d", at(0.5), at(0.99), all[len(all)-1].Round(time.Millisecond), len(all))
}

// TestNothingIsAcceptedThatAnAcknowledgedChangeTookAway is the promise, under
// every fault that can be made here.
func TestNothingIsAcceptedThatAnAcknowledgedChangeTookAway(t *testing.T) {
	seed, changes, calls := number(t, "FAULTSEED", rand.Uint64()), number(t, "CHANGES", 200), number(t, "REQUESTS", 0)
	t.Logf("FAULTSEED=%d repeats the choices of this run", seed)
	s := newSite(t, postgres.NewSmallPair(t), plan{program: build(t, ""), lease: time.Second, keys: 16 + int(min(changes/500, 16))})
	s.hurry = float64(calls) / float64(200*max(1, changes)) // there are about 200 calls a change
	limit := time.Minute + time.Duration(changes)*500*time.Millisecond + time.Duration(calls)*10*time.Millisecond
	s.run(seed, enough{changes, calls}, limit, s.breakers(seed)...)
	s.finish(changes)
}

// finish judges a run.
func (s *site) finish(changes uint64) {
	t := s.t
	s.report(s.judge())
	for _, fault := range s.wrong() {
		t.Error(fault)
	}
	for _, m := range s.machines {
		if said := m.said("panic"); len(said) > 0 {
			t.Errorf("%s panicked: %s", m.name, strings.Join(said, ""))
		}
	}
	if s.codes["allowed"] < int(changes) {
		t.Errorf("only %d calls were allowed: the run shows nothing", s.codes["allowed"])
	}
}
