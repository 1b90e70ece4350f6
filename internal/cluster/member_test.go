package cluster_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
)

// soon is enough for whoever was woken, and far less than anybody's own turn.
func soon() {
	time.Sleep(time.Millisecond)
	synctest.Wait()
}

func TestANodeServesWhatItLoadedAndWhatCameAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		d.change("a")
		d.confirm(1)
		m, keys, _ := join(t, d, "n")
		defer run(m)()
		leased(t, m, true)
		keys.is(t, "a", 1, false)
		d.change("a")
		m.Wake()
		soon()
		keys.is(t, "a", 2, false)
		// Somebody waits for the report, so it comes without another turn.
		if got := d.row("n").Applied; got != 2 || m.Applied() != 2 {
			t.Errorf("reported %d, applied %d", got, m.Applied())
		}
		d.change("a") // nobody tells the node
		time.Sleep(leaseLength/3 + time.Millisecond)
		keys.is(t, "a", 3, false)
	})
}

func TestALeaseEndsExactlyWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, _, _ := join(t, newDatabase(), "n")
		time.Sleep(leaseLength - 1)
		leased(t, m, true)
		time.Sleep(time.Nanosecond)
		leased(t, m, false)
	})
}

// Both the clock's reading and the question come before the answer: a lease is
// counted from the former.
func TestALeaseCountsFromBeforeTheQuestion(t *testing.T) {
	for name, f := range map[string]fate{
		"a slow question": {before: 2 * time.Second},
		"a slow answer":   {after: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDatabase()
				d.set("renew", f)
				m, _, _ := join(t, d, "n")
				if got := m.Left(); got != leaseLength-2*time.Second {
					t.Errorf("%v are left", got)
				}
			})
		})
	}
}

// An answer that is lost extends nothing, even though the database counted it.
func TestOnlyAnAnswerThatArrivedExtendsALease(t *testing.T) {
	for name, c := range map[string]struct {
		fate fate
		held bool
	}{
		"it arrives":         {fate{}, true},
		"it is lost":         {fate{lost: errDown}, false},
		"nobody is there":    {fate{refused: errDown}, false},
		"the question hangs": {fate{before: time.Hour}, false},
		"the answer hangs":   {fate{after: time.Hour}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDatabase()
				m, _, _ := join(t, d, "n")
				d.set("renew", c.fate)
				defer run(m)()
				time.Sleep(leaseLength)
				leased(t, m, c.held)
				d.set("renew", fate{})
				time.Sleep(2 * leaseLength)
				leased(t, m, true) // it never gives up
			})
		})
	}
}

// A virtual machine that was paused may have stopped both clocks; then the time
// of day, which is set right afterwards, shows it.
func TestAJumpOfTheTimeOfDayEndsALease(t *testing.T) {
	for jump, held := range map[time.Duration]bool{
		0: true, 250 * time.Millisecond: true, -250 * time.Millisecond: true,
		251 * time.Millisecond: false, -251 * time.Millisecond: false, 365 * 24 * time.Hour: false,
	} {
		t.Run(jump.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, _, on := join(t, newDatabase(), "n")
				time.Sleep(time.Second)
				on.jump = jump
				leased(t, m, held)
				defer run(m)()
				soon()
				leased(t, m, true) // by the next renewal, both clocks agree again
			})
		})
	}
}

func TestANodeThatWasFencedStopsAndJoinsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		m, keys, _ := join(t, d, "n")
		before := d.row("n")
		defer run(m)()
		soon()
		if fenced, err := d.FenceNode(context.Background(), before.ID, d.row("n").Renewals); !fenced || err != nil {
			t.Fatal("not fenced", err)
		}
		d.change("a")
		d.set("join", fate{refused: errDown})
		m.Wake()
		soon()
		leased(t, m, false) // whatever was left of its lease
		keys.is(t, "a", 0, false)
		d.set("join", fate{})
		time.Sleep(time.Second)
		leased(t, m, true)
		keys.is(t, "a", 1, false)
		if after := d.row("n"); after.ID == before.ID || after.State != latchkey.NodeLive || after.Applied != 1 {
			t.Errorf("the node goes on as %+v", after)
		}
	})
}

func TestADatabaseThatWentBackEndsTheNode(t *testing.T) {
	for name, c := range map[string]struct {
		revs latchkey.Revs
		want error
	}{
		"as it was":           {latchkey.Revs{Newest: 2, Incarnation: 1}, nil},
		"an older revision":   {latchkey.Revs{Newest: 1, Incarnation: 1}, cluster.ErrBackwards},
		"another incarnation": {latchkey.Revs{Newest: 2, Incarnation: 2}, cluster.ErrBackwards},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDatabase()
				d.change("a")
				d.change("a")
				m, _, _ := join(t, d, "n")
				d.revs = c.revs
				stop := run(m)
				soon()
				leased(t, m, c.want == nil)
				if err := stop(); !errors.Is(err, c.want) {
					t.Errorf("it ends with %v", err)
				}
			})
		})
	}
}

func TestAKeyIsMaskedFromBeforeItsChangeUntilThatIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		m, keys, _ := join(t, d, "n")
		defer run(m)()
		soon()
		d.change("a")
		d.change("b")
		m.Wake()
		soon()
		keys.did(t, "mask a", "mask b", "put a 1", "put b 1")
		d.change("a")
		d.confirm(2) // of the first two
		m.Wake()
		soon()
		keys.did(t, "mask a", "put a 2", "unmask b")
		m.Confirmed(2) // old news
		keys.did(t)
		m.Confirmed(3)
		keys.did(t, "unmask a")
	})
}

func TestWhatIsInForceEverywhereIsNotMasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		m, keys, _ := join(t, d, "n")
		d.change("a")
		d.confirm(1)
		defer run(m)()
		soon()
		keys.did(t, "put a 1")
	})
}

// A node that starts while a change is waited for has loaded it, and must not
// answer by it before the others do.
func TestWhatWasLoadedIsMaskedUntilItIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		d.change("a")
		d.change("b")
		d.confirm(1)
		m, keys, _ := join(t, d, "n")
		keys.did(t, "put a 1", "put b 1", "mask b", "put b 1")
		m.Confirmed(2)
		keys.did(t, "unmask b")
	})
}

// A change that is made while a node loads is part of what it loads, or of its
// first renewal; before that it holds no lease.
func TestNothingIsMissedBetweenLoadingAndTheFirstLease(t *testing.T) {
	for _, step := range []string{"join", "load", "renew"} {
		for _, f := range []fate{{before: time.Second}, {after: time.Second}} {
			synctest.Test(t, func(t *testing.T) {
				d := newDatabase()
				d.change("a")
				d.confirm(1)
				d.set(step, f)
				time.AfterFunc(time.Second/2, func() { d.change("a") })
				_, keys, _ := join(t, d, "n")
				// During the last answer the change comes too late for it; the
				// barrier waits for the node, which has not reported it.
				if step == "renew" && f.after > 0 {
					keys.is(t, "a", 1, false)
				} else {
					keys.is(t, "a", 2, false)
				}
				if got := d.row("n").Applied; got > 1 {
					t.Errorf("after %s: revision %d is reported before it was applied", step, got)
				}
			})
		}
	}
}

// What a renewal reads beyond its revision is in force, but not reported: the
// answer that knows of that revision may bring more than keys.
func TestARevisionIsReportedOnlyWhenItWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		m, keys, _ := join(t, d, "n")
		d.between = func() {
			d.between = nil
			d.revs.Newest++ // a change that is not of a key
			d.commit("a")
			d.on["renew"] = fate{before: time.Second}
		}
		defer run(m)()
		soon()
		keys.is(t, "a", 1, false)
		if got := m.Applied(); got != 0 || d.row("n").Applied != 0 {
			t.Errorf("revision %d counts as applied", got)
		}
		time.Sleep(2 * time.Second)
		if got := d.row("n").Applied; got != 2 {
			t.Errorf("revision %d is reported, want 2", got)
		}
	})
}

// leaving is a database that looks at the node when it leaves.
type leaving struct {
	*database
	look func()
}

func (l leaving) LeaveNode(ctx context.Context, id string) error {
	l.look()
	return l.database.LeaveNode(ctx, id)
}

func TestANodeHasStoppedBeforeItLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &leaving{database: newDatabase()}
		m, err := cluster.Join(context.Background(), cluster.MemberConfig{
			Store: d, Table: newDiary(), LoadKeys: d.LoadKeys, Name: "n", Lease: leaseLength, Clock: newMachine().clock(), Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		leased(t, m, true)
		looked := false
		d.look = func() { looked = true; leased(t, m, false) }
		if err := m.Leave(context.Background()); err != nil || !looked {
			t.Fatal(err)
		}
		if got := d.row("n").State; got != latchkey.NodeGone {
			t.Errorf("the node is %s", got)
		}
	})
}
