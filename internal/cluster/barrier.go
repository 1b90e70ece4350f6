package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"latchkey"
)

// BarrierStore is the database as a console needs it.
type BarrierStore interface {
	Revs(ctx context.Context) (latchkey.Revs, error)
	// Newest is the newest revision, read by a write that commits: a server that
	// was the primary once can still be read, and knows too little.
	Newest(ctx context.Context) (int64, error)
	// ConfirmRev notes that a revision is in force everywhere, if decide says so
	// of the nodes as they are in the transaction that writes it down.
	ConfirmRev(ctx context.Context, rev int64, decide func([]latchkey.GatewayNode) bool) (bool, error)
	Nodes(ctx context.Context) ([]latchkey.GatewayNode, error)
	// FenceNode keeps a node that has not renewed since from ever renewing.
	FenceNode(ctx context.Context, id string, renewals int64) (bool, error)
	BuryNode(ctx context.Context, id string) error
}

// Barrier makes a change wait until it is in force on every gateway node: the
// node has applied it, or cannot serve any more. One stands in each process that
// changes keys.
type Barrier struct {
	// Observe is told how long each change took; set before the first one.
	Observe func(took time.Duration)

	store BarrierStore
	clock Clock
	log   *slog.Logger
	local *Member // the node of this process; nil when it has none

	mu    sync.Mutex
	bell  chan struct{} // closed and made anew when a node has applied something
	watch map[string]sighting
}

// sighting is what is known of a node that does not answer.
type sighting struct {
	state    latchkey.NodeState
	renewals int64
	since    time.Duration // by Boot
}

// How often is looked without being told.
const (
	lookEvery  = 20 * time.Millisecond
	guardEvery = 100 * time.Millisecond
)

// NewBarrier returns a Barrier. Local may be nil.
func NewBarrier(store BarrierStore, clock Clock, log *slog.Logger, local *Member) *Barrier {
	return &Barrier{store: store, clock: clock, log: log, local: local, bell: make(chan struct{}), watch: map[string]sighting{}}
}

// Ring tells that some node has applied something.
func (b *Barrier) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.bell)
	b.bell = make(chan struct{})
}

func (b *Barrier) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bell
}

// Pass returns when everything that was committed before it was called is in
// force on every node. An error means that this is not known; it will be so
// after Wait of the longest lease all the same.
func (b *Barrier) Pass(ctx context.Context) (latchkey.Receipt, error) {
	begin := b.clock.Boot()
	if !withBarrier {
		return latchkey.Receipt{}, nil
	}
	if b.local != nil {
		b.local.Wake()
	}
	newest, err := b.store.Newest(ctx)
	if err != nil {
		return latchkey.Receipt{}, unconfirmed(err)
	}
	// The newest change may be another console's, made since Pass was called:
	// the wait for it counts from when it was seen.
	receipt, err := b.confirm(ctx, newest, b.clock.Boot())
	if err != nil {
		return latchkey.Receipt{}, unconfirmed(err)
	}
	receipt.Took = b.clock.Boot() - begin
	if b.Observe != nil {
		b.Observe(receipt.Took)
	}
	return receipt, nil
}

// confirm waits for a revision that was committed at begin or before, and notes
// that it is in force everywhere.
func (b *Barrier) confirm(ctx context.Context, rev int64, begin time.Duration) (latchkey.Receipt, error) {
	for {
		if err := b.wait(ctx, rev, begin); err != nil {
			return latchkey.Receipt{}, err
		}
		// Once more, together with the note: what was looked at may have come from
		// a server that is not the primary any more, and does not know a node that
		// has joined since.
		var receipt latchkey.Receipt
		over, err := b.store.ConfirmRev(ctx, rev, func(nodes []latchkey.GatewayNode) (over bool) {
			receipt, over = count(nodes, rev, b.clock.Boot()-begin)
			return over
		})
		if err != nil {
			return latchkey.Receipt{}, err
		}
		if over {
			if b.local != nil {
				b.local.Confirmed(rev)
			}
			return receipt, nil
		}
		if err := pause(ctx, lookEvery); err != nil {
			return latchkey.Receipt{}, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Settled makes a Load wait until what it read is in force on every node. A
// process that lost track of a key would else decide by a change that the other
// nodes have not heard of.
func (b *Barrier) Settled(load Load) Load {
	return func(ctx context.Context, keyID string) (latchkey.Key, latchkey.Secret, error) {
		key, secret, err := load(ctx, keyID)
		if err != nil && !errors.Is(err, latchkey.ErrKeyGone) {
			return latchkey.Key{}, "", err
		}
		if fault := b.await(ctx); fault != nil {
			return latchkey.Key{}, "", fault
		}
		return key, secret, err
	}
}

// await waits until everything that is committed now was confirmed, by Guard if
// by nobody else.
func (b *Barrier) await(ctx context.Context) error {
	newest, err := b.store.Newest(ctx)
	for err == nil {
		var now latchkey.Revs
		if now, err = b.store.Revs(ctx); err == nil && now.Confirmed >= newest {
			return nil
		}
		if err == nil {
			err = pause(ctx, lookEvery)
		}
	}
	return err
}

// unconfirmed hides an *latchkey.Error: it would say that nothing was changed,
// and the change was committed before anybody waited for it.
func unconfirmed(err error) error {
	return fmt.Errorf("the change is written; when every gateway node has it is not known: %v", err)
}

// wait looks at the nodes until each has applied the revision, or until so much
// time has passed since it was committed that those which have not hold no lease
// any more. Begin must not lie before the commit.
func (b *Barrier) wait(ctx context.Context, rev int64, begin time.Duration) error {
	for {
		told := b.next() // before the look, so that nothing is missed after it
		nodes, err := b.store.Nodes(ctx)
		if err != nil {
			return err
		}
		if _, over := count(nodes, rev, b.clock.Boot()-begin); over {
			return nil
		}
		timer := time.NewTimer(lookEvery)
		select {
		case <-told:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		timer.Stop()
	}
}

// count says how many nodes have confirmed a revision, and whether the others
// cannot serve any more when so much time has passed since its commit.
func count(nodes []latchkey.GatewayNode, rev int64, passed time.Duration) (r latchkey.Receipt, over bool) {
	over = true
	for _, n := range nodes {
		if n.State == latchkey.NodeGone {
			continue
		}
		r.Nodes++
		if n.Applied >= rev {
			r.Confirmed++
			continue
		}
		r.Silent = append(r.Silent, n.Name)
		if passed < Wait(n.Lease) {
			over = false
		}
	}
	return r, over
}

// Guard looks after nodes that died and changes whose console died, until the
// context ends. The two do not wait for each other: a node that died in the
// middle of a transaction cannot be fenced before the database has given it up.
func (b *Barrier) Guard(ctx context.Context) error {
	var open sighting // of a change that nobody confirms
	var both sync.WaitGroup
	both.Go(func() { b.every(ctx, "gateway nodes", b.guard) })
	both.Go(func() {
		b.every(ctx, "changes of consoles that died", func(ctx context.Context) error { return b.finish(ctx, &open) })
	})
	both.Wait()
	return nil
}

func (b *Barrier) every(ctx context.Context, what string, look func(context.Context) error) {
	tick := time.NewTicker(guardEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := look(ctx); err != nil && ctx.Err() == nil {
			b.log.Warn("what died could not be looked after", "what", what, "error", err)
		}
	}
}

// guard ends nodes that have rested for too long.
func (b *Barrier) guard(ctx context.Context) error {
	nodes, err := b.store.Nodes(ctx)
	if err != nil {
		return err
	}
	var rested []latchkey.GatewayNode
	b.watch, rested = look(b.watch, nodes, b.clock.Boot())
	for _, n := range rested {
		if err := b.retire(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// look notes what nodes have done since the last look, and returns those that
// have done nothing for longer than a lease of theirs lasts.
func look(watch map[string]sighting, nodes []latchkey.GatewayNode, now time.Duration) (map[string]sighting, []latchkey.GatewayNode) {
	seen := map[string]sighting{}
	var rested []latchkey.GatewayNode
	for _, n := range nodes {
		if n.State == latchkey.NodeGone {
			continue
		}
		s, known := watch[n.ID]
		if !known || s.state != n.State || s.renewals != n.Renewals {
			s = sighting{n.State, n.Renewals, now}
		}
		seen[n.ID] = s
		if now-s.since > Wait(n.Lease) {
			rested = append(rested, n)
		}
	}
	return seen, rested
}

// retire ends a node that has rested for longer than its lease: first it is
// kept from renewing, and after the same time again it holds none for certain.
func (b *Barrier) retire(ctx context.Context, n latchkey.GatewayNode) error {
	if n.State == latchkey.NodeFenced {
		b.log.Info("a gateway node is gone", "node", n.ID, "name", n.Name)
		return b.store.BuryNode(ctx, n.ID)
	}
	fenced, err := b.store.FenceNode(ctx, n.ID, n.Renewals)
	if fenced {
		b.log.Warn("a gateway node does not answer; changes do not wait for it any more", "node", n.ID, "name", n.Name)
	}
	return err
}

// finish confirms a change whose console has died: when it was committed is not
// known, so the wait counts from when it was seen.
func (b *Barrier) finish(ctx context.Context, open *sighting) error {
	revs, err := b.store.Revs(ctx)
	switch {
	case err != nil:
		return err
	case revs.Newest <= revs.Confirmed:
		*open = sighting{}
		return nil
	case open.renewals != revs.Newest:
		*open = sighting{renewals: revs.Newest, since: b.clock.Boot()}
		return nil
	case b.clock.Boot()-open.since < time.Second:
		return nil // its own console is at work
	}
	_, err = b.confirm(ctx, revs.Newest, open.since)
	return err
}
