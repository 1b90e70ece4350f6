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

// MemberStore is the database as a node needs it.
type MemberStore interface {
	// JoinNode registers a node; it is committed when it returns.
	JoinNode(ctx context.Context, n latchkey.GatewayNode) error
	// RenewNode reports what the node has applied and returns what came after,
	// in one transaction that commits. latchkey.ErrFenced: never again.
	RenewNode(ctx context.Context, id string, applied int64) (latchkey.Renewal, error)
	LeaveNode(ctx context.Context, id string) error
}

// Masker is an Applier that can refuse a key while a change of it is brought
// into force on every node.
type Masker interface {
	Applier
	Mask(keyID string)
	Unmask(keyID string)
}

// MemberConfig is what a Member needs. All fields are required.
type MemberConfig struct {
	Store MemberStore
	Table Masker
	// LoadKeys gives every key that exists to take, and says how far the changes
	// had come when it began: as one server sees it at one moment.
	LoadKeys func(ctx context.Context, take func(latchkey.Key, latchkey.Secret) error) (latchkey.Revs, error)
	Name     string        // of the node, for people
	Lease    time.Duration // how long it serves when it cannot renew
	Alone    bool          // it does not share what it has seen with the others
	Clock    Clock
	Log      *slog.Logger
}

// Member is one gateway node among several. It serves as long as it holds a
// lease, which it gets by showing the database that it has applied every change
// so far.
type Member struct {
	MemberConfig
	wake chan struct{} // holds one when there is something to look at

	turn sync.Mutex // one renewal at a time, or the end
	id   string

	mu sync.Mutex // of what stands below; never held while the database is asked
	standing
}

// ErrBackwards says that the database is not the one that it was: it was put
// back to an older state, or another one is in its place. What the node knows
// of keys may be newer, and only a new start sorts that out.
var ErrBackwards = errors.New("the database went back to an older state; start this node anew")

// Join registers a node, loads all keys and renews the lease for the first
// time. In this order: a change that is made meanwhile waits for the node, or
// is part of what it loads.
func Join(ctx context.Context, c MemberConfig) (*Member, error) {
	m := &Member{MemberConfig: c, wake: make(chan struct{}, 1), standing: standing{masked: map[string]int64{}, hinted: map[string]hint{}}}
	if err := m.register(ctx); err != nil {
		return nil, err
	}
	revs, err := c.LoadKeys(ctx, func(k latchkey.Key, s latchkey.Secret) error { c.Table.Put(k, s); return nil })
	if err != nil {
		return nil, fmt.Errorf("joining the gateway nodes: %w", err)
	}
	// What is not confirmed is read once more, and masked.
	m.applied, m.incarnation = min(revs.Newest, revs.Confirmed), revs.Incarnation
	return m, m.first(ctx)
}

// firstTries bounds how often the first lease is asked for. A database that is
// slow for a moment must not end a start: a crash often makes it so.
const firstTries = 20

// first gets the first lease.
func (m *Member) first(ctx context.Context) (err error) {
	for range firstTries {
		if _, err = m.renew(ctx); !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return err
		}
		m.Log.Warn("the database is slow to grant the first lease", "error", err)
	}
	return err
}

// register makes the node known, under a name of its own for each start.
func (m *Member) register(ctx context.Context) error {
	m.id = latchkey.NewID("node")
	err := m.Store.JoinNode(ctx, latchkey.GatewayNode{ID: m.id, Name: m.Name, Lease: m.Lease, Alone: m.Alone})
	if err != nil {
		return fmt.Errorf("joining the gateway nodes: %w", err)
	}
	return nil
}

// Held reports whether the node may decide about keys now. It takes no lock and
// is asked for every call.
func (m *Member) Held() bool { return m.lease.Load().held(m.Clock) }

// Left is how long the lease still lasts.
func (m *Member) Left() time.Duration {
	// Read once: another goroutine may take the lease away in between.
	l := m.lease.Load()
	if !l.held(m.Clock) {
		return 0
	}
	return max(0, l.end-m.Clock.Boot())
}

// Applied is the revision up to which every change is in force here.
func (m *Member) Applied() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.applied
}

// Epoch is the memory of seen requests that counts, and since when; no name while
// the node may not decide.
func (m *Member) Epoch() (name string, since time.Time) {
	r := m.known.Load()
	if r == nil || !m.Held() {
		return "", time.Time{}
	}
	return r.ReplayEpoch, r.ReplaySince
}

// Nodes is how many gateway nodes there are, this one counted.
func (m *Member) Nodes() int {
	if r := m.known.Load(); r != nil {
		return max(1, r.Nodes)
	}
	return 1
}

// ID is the node's in the database, new at each start.
func (m *Member) ID() string {
	m.turn.Lock()
	defer m.turn.Unlock()
	return m.id
}

// Wake makes the node look for changes at once.
func (m *Member) Wake() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Announced tells the node that another process says it has changed a key. The
// node refuses the key from then on, until it knows the change and that it is in
// force everywhere.
func (m *Member) Announced(keyID string, rev int64) {
	m.mu.Lock()
	m.announced(keyID, rev, m.Table)
	m.mu.Unlock()
	m.Wake() // which ends the mask, too, if there is no such change
}

// Run renews the lease until the context ends or the node may serve no more.
func (m *Member) Run(ctx context.Context) error {
	for {
		more, err := m.renew(ctx)
		pause := m.Lease / 3
		switch {
		case errors.Is(err, ErrBackwards):
			return err
		case ctx.Err() != nil:
			return nil
		case err != nil:
			m.Log.Warn("the lease of this gateway node could not be renewed", "left", m.Left(), "error", err)
			pause = min(pause, 200*time.Millisecond)
		case more:
			continue // what was applied is reported at once: somebody waits for it
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-m.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// renew asks for the lease once; more says that there is something to report.
func (m *Member) renew(ctx context.Context) (more bool, err error) {
	m.turn.Lock()
	defer m.turn.Unlock()
	// Both clocks are read before anything is sent: the lease counts from then,
	// not from when the answer came.
	sent := m.Clock.lease(m.Lease)
	applied, asked := m.question()
	// Half of the lease, so that there is time for a second try.
	ctx, cancel := context.WithTimeout(ctx, m.Lease/2)
	defer cancel()
	r, err := m.Store.RenewNode(ctx, m.id, applied)
	switch {
	case errors.Is(err, latchkey.ErrFenced):
		m.lease.Store(nil)
		m.Log.Error("this gateway node was taken for dead; it joins anew", "node", m.id)
		return true, m.register(ctx)
	case err != nil:
		return false, err
	case !m.follows(r):
		m.lease.Store(nil)
		return false, ErrBackwards
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	before, answer := m.applied, &told{r, sent, asked}
	for _, step := range order() {
		step(&m.standing, answer, m.Table)
	}
	return m.applied > before || len(r.Changes) > 0, nil
}

// question numbers a renewal, and says what it reports.
func (m *Member) question() (applied int64, asked uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	return m.applied, m.asked
}

// Confirmed tells the node that every node has applied the changes up to a
// revision, which is written in the database.
func (m *Member) Confirmed(rev int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.confirmed(rev, m.Table)
}

// Leave ends the node, after it has stopped to serve: from then on no change
// waits for it.
func (m *Member) Leave(ctx context.Context) error {
	m.turn.Lock()
	defer m.turn.Unlock()
	m.lease.Store(nil)
	return m.Store.LeaveNode(ctx, m.id)
}
