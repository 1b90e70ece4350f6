package cluster_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/internal/cluster"
)

// Fault 21. Somebody closes the lid of a machine, or a host suspends it, for
// longer than a lease; meanwhile a key is deactivated and the owner is told. When
// it wakes, Go's own clock says that no time has passed, and by that clock the
// lease would be good: the key would be served. The twin is that clock.
func TestALeaseDoesNotSurviveASuspendedMachine(t *testing.T) {
	for name, c := range map[string]struct {
		boot, wall bool // whether the clock goes on while the machine is suspended
		held       bool
	}{
		"both clocks go on":                     {true, true, false},
		"the time of day is not set yet":        {true, false, false},
		"Go's clock, and the time of day":       {false, true, false}, // the second guard
		"twin: Go's clock for everything":       {false, false, true},
		"nobody suspends it, both clocks go on": {true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin, asleep := time.Now(), time.Duration(0)
				passed := func(counts bool) time.Duration {
					if counts {
						return time.Since(begin) + asleep
					}
					return time.Since(begin)
				}
				d := newDatabase()
				m, err := cluster.Join(context.Background(), cluster.MemberConfig{
					Store: d, Table: newDiary(), LoadKeys: d.LoadKeys, Name: "n", Lease: leaseLength, Log: slog.New(slog.DiscardHandler),
					Clock: cluster.Clock{
						Boot: func() time.Duration { return passed(c.boot) },
						Wall: func() time.Time { return begin.Add(passed(c.wall)) },
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				leased(t, m, true)
				if !strings.HasPrefix(name, "nobody") {
					asleep = time.Hour // in which the time of the test stands still
				}
				leased(t, m, c.held)
			})
		})
	}
	// The program's clock is the one that goes on. It differs from Go's only where
	// a machine was suspended, so it is looked for in the text.
	text, err := os.ReadFile("lease.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "unix.ClockGettime(unix.CLOCK_BOOTTIME,") {
		t.Error("the lease is not measured with CLOCK_BOOTTIME")
	}
}
