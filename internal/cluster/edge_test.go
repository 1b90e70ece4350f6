package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
)

// A node applies a change and says so: who waits for it goes on at once, and not
// at the next look.
func TestARingEndsTheWaitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		m, _, _ := join(t, d, "n")
		defer run(m)()
		soon()
		d.change("k")
		b := barrier(d, nil)
		var told time.Duration
		b.Observe = func(took time.Duration) { told = took }
		time.AfterFunc(303*time.Millisecond, m.Wake) // between two looks
		time.AfterFunc(305*time.Millisecond, b.Ring)
		if took := passed(t, b, 1, 1); took != 305*time.Millisecond || told != took {
			t.Errorf("it took %v, and %v is told", took, told)
		}
	})
}

// The database is away for a while, at each step at which a guard needs it. A
// guard that gave up would leave every later change waiting for a dead node; one
// that took no answer for an answer would end a node that serves.
func TestAGuardOutlastsEveryFailureOfTheDatabase(t *testing.T) {
	for _, step := range []string{"nodes", "revs", "fence", "bury", "confirm"} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDatabase()
				join(t, d, "dead")
				m, _, _ := join(t, d, "live")
				defer run(m)()
				defer guard(barrier(d, nil))()
				d.set(step, fate{refused: errDown})
				d.change("k")
				time.Sleep(3 * cluster.Wait(leaseLength))
				synctest.Wait()
				if step != "bury" && step != "fence" && step != "nodes" && d.confirmed() != 0 {
					t.Errorf("without %q a change is confirmed", step)
				}
				if got := d.row("dead").State; step == "nodes" && got != latchkey.NodeLive || step == "fence" && got != latchkey.NodeLive || step == "bury" && got != latchkey.NodeFenced {
					t.Errorf("without %q the dead node is %q", step, got)
				}
				d.set(step, fate{})
				time.Sleep(3 * cluster.Wait(leaseLength))
				synctest.Wait()
				if got := d.row("dead").State; got != latchkey.NodeGone {
					t.Errorf("the dead node is %q in the end", got)
				}
				if got := d.row("live").State; got != latchkey.NodeLive || d.confirmed() != 1 {
					t.Errorf("the live node is %q in the end, confirmed %d", got, d.confirmed())
				}
			})
		})
	}
}

// Whoever runs the servers is told when what died cannot be looked after, and is
// not told so when all is well: nobody reads a log that always warns. A guard
// that is stopped has not failed.
func TestAGuardWarnsWhenItCannotLookAndOnlyThen(t *testing.T) {
	for _, c := range []struct {
		step string
		dead bool // there is something to look after
		what string
	}{
		{"nodes", true, "gateway nodes"}, {"fence", true, "gateway nodes"}, {"revs", true, "changes of consoles that died"},
		{"confirm", true, "changes of consoles that died"}, {"fence", false, ""}, {"confirm", false, ""}, {"none", true, ""},
	} {
		t.Run(fmt.Sprint(c.step, c.dead), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDatabase()
				m, _, _ := join(t, d, "live")
				stop := run(m)
				if c.dead {
					join(t, d, "dead")
					d.change("k")
				}
				d.set(c.step, fate{refused: errDown})
				var log strings.Builder
				b := cluster.NewBarrier(d, newMachine().clock(), slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})), nil)
				ended := guard(b)
				time.Sleep(2 * cluster.Wait(leaseLength))
				synctest.Wait()
				ended()
				_ = stop()
				warned := strings.Contains(log.String(), "could not be looked after")
				if warned != (c.what != "") || !strings.Contains(log.String(), c.what) {
					t.Errorf("warned: %v, want one about %q:\n%.500s", warned, c.what, log.String())
				}
			})
		})
	}
}

// A silent node is waited for until its lease is over by every clock, and from
// that moment on not any more.
func TestTheWaitForASilentNodeEndsWithItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		join(t, d, "silent")
		d.change("k")
		if took := passed(t, barrier(d, nil), 1, 0); took != cluster.Wait(leaseLength) {
			t.Errorf("it took %v", took)
		}
	})
}

// A look shows no node that would have to be waited for, the note that goes with
// it does: a console that is told to stop meanwhile says that it does not know.
func TestAConsoleThatIsStoppedBetweenLookAndNoteConfirmsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		join(t, d, "silent")
		d.stale = true
		d.change("k")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if got, err := barrier(d, nil).Pass(ctx); err == nil || got.Nodes != 0 || d.confirmed() != 0 {
			t.Errorf("%+v, %v, confirmed %d", got, err, d.confirmed())
		}
	})
}

// What could not be read is in doubt, whether it is in force everywhere or not.
func TestAKeyThatCannotBeReadIsNotSettled(t *testing.T) {
	d := newDatabase()
	load := barrier(d, nil).Settled(func(context.Context, string) (latchkey.Key, latchkey.Secret, error) {
		return latchkey.Key{ID: "k"}, "lks_secret", errDown
	})
	if key, secret, err := load(context.Background(), "k"); !errors.Is(err, errDown) || key.ID != "" || secret != "" {
		t.Errorf("%+v, %v", key, err)
	}
}

// A node that could not make itself known is waited for by nobody, and one that
// could not load its keys knows none: neither may begin.
func TestANodeThatCannotJoinDoesNotServe(t *testing.T) {
	for name, c := range map[string]struct {
		step string
		fate fate
		want error
	}{
		"it is not made known": {"join", fate{refused: errDown}, errDown},
		"it loads no keys":     {"load", fate{refused: errDown}, errDown},
		"it gets no lease":     {"renew", fate{refused: errDown}, errDown},
		"nobody answers":       {"renew", fate{before: 24 * time.Hour}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDatabase()
				d.change("k")
				d.set(c.step, c.fate)
				m, err := cluster.Join(context.Background(), cluster.MemberConfig{
					Store: d, Table: newDiary(), LoadKeys: d.LoadKeys, Name: "n", Lease: leaseLength, Clock: newMachine().clock(), Log: slog.New(slog.DiscardHandler),
				})
				if !errors.Is(err, c.want) || m != nil && m.Held() {
					t.Errorf("%v, want %v", err, c.want)
				}
			})
		})
	}
}

// By the epoch a node decides whether a request may have been seen before: one
// without a lease may have missed that Redis forgot everything.
func TestOnlyANodeWithALeaseKnowsTheEpoch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		d.revs.ReplayEpoch, d.revs.ReplaySince = "first", time.Unix(1_700_000_000, 0)
		m, _, _ := join(t, d, "n")
		if name, since := m.Epoch(); name != "first" || !since.Equal(d.revs.ReplaySince) {
			t.Errorf("the epoch is %q since %v", name, since)
		}
		if m.Nodes() != 1 { // the database of this test does not count them
			t.Errorf("%d nodes", m.Nodes())
		}
		time.Sleep(leaseLength)
		leased(t, m, false)
		if name, since := m.Epoch(); name != "" || !since.IsZero() {
			t.Errorf("without a lease the epoch is %q since %v", name, since)
		}
	})
	var nobody cluster.Member
	if name, _ := nobody.Epoch(); name != "" || nobody.Nodes() != 1 || nobody.Held() {
		t.Errorf("before it joined: epoch %q, %d nodes, held %v", name, nobody.Nodes(), nobody.Held())
	}
}

// The clock that is used for real runs, forwards, and is no clock that has failed.
func TestTheRealClockRuns(t *testing.T) {
	c := cluster.RealClock()
	first, wall := c.Boot(), c.Wall()
	second := c.Boot()
	if first <= 0 || second < first || second > 100*365*24*time.Hour || time.Since(wall).Abs() > time.Minute {
		t.Errorf("since the start of the machine: %v, then %v; the time of day is %v", first, second, wall)
	}
}

// A call that is signed as far ahead as two clocks may differ is taken, and one
// that could be older than the ledger's memory by a nanosecond is not.
func TestTheLedgerTakesWhatEndsAtItsBounds(t *testing.T) {
	for after, want := range map[time.Duration]error{
		2*window + time.Second: nil, 2*window + time.Second + 1: cluster.ErrAhead, window: nil, window - 1: cluster.ErrClock,
	} {
		l := cluster.NewLocal(cluster.LocalConfig{Window: window, Start: minute})
		take := write("a", "one", minute, minute)
		take.Stale = minute.Add(after)
		if want != nil {
			refuses(t, l, take, want)
			continue
		}
		takes(t, l, take, latchkey.TakenAll)
		takes(t, l, take, latchkey.TakenSeenBefore)
	}
}

// A configuration that would make two ledgers of one, or none, keeps the gateway
// from starting.
func TestALedgerThatCannotWorkIsNotOpened(t *testing.T) {
	for _, c := range []struct {
		why    string
		config cluster.RedisConfig
	}{
		{"braces", cluster.RedisConfig{URL: "redis://localhost:6379", Window: window, Prefix: "{x}"}},
		{"positive", cluster.RedisConfig{URL: "redis://localhost:6379"}},
		{"positive", cluster.RedisConfig{URL: "redis://localhost:6379", Window: window, Timeout: -1}},
		{"positive", cluster.RedisConfig{URL: "redis://localhost:6379", Window: window, Skew: -1}},
	} {
		if r, err := cluster.NewRedis(context.Background(), c.config); err == nil || r != nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%v, want one about %q", err, c.why)
		}
	}
}
