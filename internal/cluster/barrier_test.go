package cluster_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
)

func barrier(d *database, local *cluster.Member) *cluster.Barrier {
	return cluster.NewBarrier(d, newMachine().clock(), slog.New(slog.DiscardHandler), local)
}

// passed runs Pass and compares the receipt; it returns how long that took.
func passed(t *testing.T, b *cluster.Barrier, nodes, confirmed int) time.Duration {
	t.Helper()
	begin := time.Now()
	got, err := b.Pass(context.Background())
	took := time.Since(begin)
	if err != nil || got.Nodes != nodes || got.Confirmed != confirmed || len(got.Silent) != nodes-confirmed || got.Took != took {
		t.Fatalf("receipt %+v after %v, %v; want %d of %d", got, took, err, confirmed, nodes)
	}
	return took
}

func TestAChangeWaitsForEveryNodeAndNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		a, keys, _ := join(t, d, "a")
		defer run(a)()
		other, _, _ := join(t, d, "b")
		defer run(other)()
		soon()
		d.change("k")
		b := barrier(d, a)
		time.AfterFunc(300*time.Millisecond, other.Wake) // its notification is late
		time.AfterFunc(310*time.Millisecond, b.Ring)
		took := passed(t, b, 2, 2)
		if took < 300*time.Millisecond || took > 320*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		if d.confirmed() != 1 {
			t.Error("nobody noted that it is confirmed")
		}
		keys.did(t, "mask k", "put k 1", "unmask k") // of this process, at once
	})
}

// A node that does not answer holds no lease after Wait, by no clock.
func TestAChangeWaitsForASilentNodeUntilItsLeaseIsOver(t *testing.T) {
	for name, silent := range map[string]bool{"it answers": false, "it is silent": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDatabase()
				a, _, _ := join(t, d, "a")
				defer run(a)()
				other, _, _ := join(t, d, "b")
				if !silent {
					defer run(other)()
				}
				soon()
				d.change("k")
				other.Wake()
				b := barrier(d, a)
				if !silent {
					if took := passed(t, b, 2, 2); took > time.Second {
						t.Errorf("it took %v", took)
					}
					return
				}
				took := passed(t, b, 2, 1)
				if w := cluster.Wait(leaseLength); took < w || took > w+25*time.Millisecond {
					t.Errorf("it took %v, want %v", took, w)
				}
				leased(t, other, false)
			})
		})
	}
}

// Pass confirms the newest revision, which may be another console's change that
// was committed after Pass was called. A node may have renewed just before it.
func TestTheWaitCountsFromWhenTheRevisionWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		m, _, _ := join(t, d, "n")
		stop := run(m)
		d.change("k")
		d.set("newest", fate{before: 6 * time.Second})
		time.AfterFunc(5900*time.Millisecond, func() { _ = stop() })
		time.AfterFunc(5950*time.Millisecond, func() { d.change("k") })
		passed(t, barrier(d, nil), 1, 0)
		if m.Held() {
			t.Errorf("a change is confirmed while a node serves without it for %v more", m.Left())
		}
	})
}

func TestWhatIsNotKnownToBeInForceIsNotConfirmed(t *testing.T) {
	for _, step := range []string{"none", "newest", "nodes", "confirm"} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDatabase()
				d.change("k")
				d.set(step, fate{refused: errDown})
				got, err := barrier(d, nil).Pass(context.Background())
				if broken := step != "none"; (err != nil) != broken || (d.confirmed() == 1) == broken || got.Nodes != 0 {
					t.Errorf("receipt %+v, %v, confirmed %d", got, err, d.confirmed())
				}
			})
		})
	}
}

// After a failover a console's connection may still lead to the server that was
// the primary: it can be read, and knows nothing of a node that has joined since.
func TestANodeThatOnlyThePrimaryKnowsIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		m, _, _ := join(t, d, "n")
		d.stale = true
		d.change("k")
		passed(t, barrier(d, nil), 1, 0)
		if m.Held() {
			t.Errorf("a change is confirmed while a node serves without it for %v more", m.Left())
		}
	})
}

func TestAConsoleThatGivesUpConfirmsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		join(t, d, "silent")
		d.change("k")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := barrier(d, nil).Pass(ctx); err == nil || d.confirmed() != 0 {
			t.Errorf("%v, confirmed %d", err, d.confirmed())
		}
	})
}

// guard looks after the nodes until the test ends.
func guard(b *cluster.Barrier) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Guard(ctx) }()
	return func() { cancel(); <-ended }
}

func TestADeadNodeIsFencedThenGoneAndALiveOneStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		join(t, d, "dead")
		m, _, _ := join(t, d, "live")
		defer run(m)()
		defer guard(barrier(d, nil))()
		state := func(after time.Duration, want latchkey.NodeState) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if got := d.row("dead").State; got != want {
				t.Fatalf("the dead node is %q, want %q", got, want)
			}
			if got := d.row("live").State; got != latchkey.NodeLive {
				t.Fatalf("the live node is %q", got)
			}
		}
		w := cluster.Wait(leaseLength)
		state(w, latchkey.NodeLive)
		state(1100*time.Millisecond, latchkey.NodeFenced)
		state(w-1200*time.Millisecond, latchkey.NodeFenced)
		state(2*time.Second, latchkey.NodeGone)
		d.change("k")
		if took := passed(t, barrier(d, m), 1, 1); took > time.Second {
			t.Errorf("a change waits %v for a node that is gone", took)
		}
	})
}

// A node that renews while it is about to be fenced stays.
func TestOnlyANodeThatRestsIsFenced(t *testing.T) {
	for want, renewal := range map[latchkey.NodeState]time.Duration{
		latchkey.NodeLive: 50 * time.Millisecond, latchkey.NodeFenced: 150 * time.Millisecond,
	} {
		t.Run(string(want), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDatabase()
				m, _, _ := join(t, d, "slow")
				defer guard(barrier(d, nil))()
				d.set("fence", fate{before: 100 * time.Millisecond})
				time.Sleep(5400 * time.Millisecond) // the first look at which it has rested for too long
				before := d.row("slow").ID
				time.Sleep(renewal)
				defer run(m)()
				time.Sleep(200 * time.Millisecond)
				synctest.Wait()
				d.mu.Lock()
				defer d.mu.Unlock()
				if got := d.node(before).State; got != want {
					t.Errorf("the node is %s", got)
				}
			})
		})
	}
}

// Whoever died after the commit left a change that is in force some time, and
// that nobody calls so.
func TestAChangeOfADeadConsoleIsConfirmedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		m, _, _ := join(t, d, "n")
		defer run(m)()
		defer guard(barrier(d, m))()
		d.change("k")
		time.Sleep(time.Second) // its own console may be at work
		synctest.Wait()
		if d.confirmed() != 0 {
			t.Error("it is confirmed too early")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if d.confirmed() != 1 {
			t.Error("nobody confirmed it")
		}
	})
}
