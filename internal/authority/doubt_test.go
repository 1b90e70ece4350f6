package authority_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/cluster"
	"latchkey/internal/verify"
)

// gated is a feed that cannot read the database again before the test says so.
func (w *world) gated() (feed *cluster.Feed, open func()) {
	w.t.Helper()
	gate := make(chan struct{})
	load := func(ctx context.Context, keyID string) (latchkey.Key, latchkey.Secret, error) {
		select {
		case <-gate:
			return w.store.KeyMaterial(ctx, keyID)
		case <-ctx.Done():
			return latchkey.Key{}, "", ctx.Err()
		}
	}
	feed = cluster.NewFeed(w.checker.Table, load, slog.New(slog.DiscardHandler))
	w.t.Cleanup(feed.Close)
	return feed, func() { close(gate) }
}

// settles waits until the gateway says something else than "changing".
func (w *world) settles(k latchkey.Key, secret latchkey.Secret, needs latchkey.Permissions) verify.Reason {
	w.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 10_000 {
		if got := w.call(k, secret, needs); got != verify.KeyStateChanging {
			return got
		}
		<-tick.C
	}
	w.t.Fatal("the key is never read again")
	return verify.Undecided
}

// changes are the ways to take the right to trade away from an active key.
var changes = map[string]struct {
	do   func(w *world, a *authority.Authority, owner latchkey.Actor, k latchkey.Key) error
	then verify.Reason // what a call gets when the change was written
}{
	"deactivate": {func(w *world, a *authority.Authority, owner latchkey.Actor, k latchkey.Key) error {
		_, _, err := a.Deactivate(w.ctx, owner, k.ID)
		return err
	}, verify.KeyNotActivated},
	"edit": {func(w *world, a *authority.Authority, owner latchkey.Actor, k latchkey.Key) error {
		id := w.edit(owner, k, rw).Pending.ID
		_, err := a.Confirm(w.ctx, owner, id, code(w.right(id)))
		return err
	}, verify.KeyNotActivated},
	"delete": {func(w *world, a *authority.Authority, owner latchkey.Actor, k latchkey.Key) error {
		step, err := w.Delete(w.ctx, owner, k.ID, k.Version)
		w.must(err)
		_, err = a.Confirm(w.ctx, owner, step.Pending.ID, code(w.right(step.Pending.ID)))
		return err
	}, verify.Unauthorized},
	"the operator's deactivation": {func(w *world, a *authority.Authority, _ latchkey.Actor, k latchkey.Key) error {
		_, _, err := a.Operator().Move(w.ctx, k.ID, latchkey.OpDeactivate)
		return err
	}, verify.KeyNotActivated},
}

func TestLostAnswerOfACommitStopsTheKey(t *testing.T) {
	for name, change := range changes {
		for what, become := range map[string]loss{"written": lostAfter, "not written": lostBefore} {
			t.Run(name+" "+what, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				owner := w.signIn(w.owner)
				k, secret := w.active(owner, "bot-1")
				feed, open := w.gated()
				l := &loose{Store: w.store, lost: func(latchkey.Deed) loss { return become }}
				a := w.other(func(c *authority.Config) { c.Store, c.Feed = l, feed })
				if err := change.do(w, a, owner, k); !errors.Is(err, errLost) {
					t.Fatalf("error %v, want that of the connection", err)
				}
				is(w, "call while nobody knows", w.call(k, secret, latchkey.Trade), verify.KeyStateChanging)
				open()
				want := verify.Allowed
				if become == lostAfter {
					want = change.then
				}
				is(w, "call after the key was read again", w.settles(k, secret, latchkey.Trade), want)
			})
		}
	}
}

// blind is a feed that does not doubt.
type blind struct{ authority.Feed }

func (blind) Doubt(string) {}

func TestWithoutTheDoubtOldRightsStayInForce(t *testing.T) {
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			owner := w.signIn(w.owner)
			k, secret := w.active(owner, "bot-1")
			l := &loose{Store: w.store, lost: func(latchkey.Deed) loss { return lostAfter }}
			a := w.other(func(c *authority.Config) { c.Store, c.Feed = l, blind{c.Feed} })
			if err := change.do(w, a, owner, k); !errors.Is(err, errLost) {
				t.Fatalf("error %v, want that of the connection", err)
			}
			is(w, "call after the change was written", w.call(k, secret, latchkey.Trade), verify.Allowed)
		})
	}
}

// deaf is a feed that cannot bring a change to the gateways.
type deaf struct{ authority.Feed }

func (deaf) Publish(context.Context, latchkey.Key, latchkey.Secret) (latchkey.Receipt, error) {
	return latchkey.Receipt{}, errLost
}

func TestChangeThatReachesNoGatewayStopsTheKey(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, secret := w.active(owner, "bot-1")
	feed, open := w.gated()
	a := w.other(func(c *authority.Config) { c.Feed = deaf{feed} })
	_, _, err := a.Deactivate(w.ctx, owner, k.ID)
	is(w, "the change is acknowledged", err == nil, false)
	is(w, "call", w.call(k, secret, latchkey.Trade), verify.KeyStateChanging)
	open()
	is(w, "call after the key was read again", w.settles(k, secret, latchkey.Trade), verify.KeyNotActivated)
}

func TestRefusedDeedLeavesTheKeyRunning(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, secret := w.active(owner, "bot-1")
	step := w.edit(owner, k, rw)
	feed, _ := w.gated()
	stale := &loose{Store: w.store, key: func(k *latchkey.Key) {}, deed: func(d *latchkey.Deed) { d.KeyFrom, d.Key.Version = 7, 8 }}
	a := w.other(func(c *authority.Config) { c.Store, c.Feed = stale, feed })
	_, err := a.Confirm(w.ctx, owner, step.Pending.ID, code(w.right(step.Pending.ID)))
	w.refused(err, "key_changed") // known: nothing was written, so nothing is in doubt
	w.stillAs(k, secret)
}

// A browser that goes away must not break off the writing of a deed.
func TestCallerWhoLeavesDoesNotBreakTheDeed(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, secret := w.active(owner, "bot-1")
	ctx, leave := context.WithCancel(w.ctx)
	gone := w.over(&loose{deed: func(*latchkey.Deed) { leave() }})
	_, receipt, err := gone.Deactivate(ctx, owner, k.ID)
	w.must(err)
	is(w, "nodes that confirmed", receipt.Confirmed, 1)
	is(w, "call", w.call(k, secret, latchkey.Read), verify.KeyNotActivated)
}
