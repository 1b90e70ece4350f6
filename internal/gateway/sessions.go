package gateway

import (
	"context"
	"slices"
	"sync"
	"time"

	"latchkey"
	"latchkey/internal/verify"
)

// Sessions is the table of keys together with what lives by it, WebSocket
// sessions and calls that are on their way: what changes a key in the table ends
// those of that key before it returns. The feed of changes writes here, and so it
// is done before the owner is told. No lock is held while they end, and none of
// them needs one of whoever writes.
type Sessions struct {
	table   *verify.Table
	flights *flights

	mu      sync.Mutex
	open    map[*session]struct{}
	byKey   map[string]map[*session]struct{}
	stopped bool
	empty   chan struct{} // closed when stopped and none is open
	deaf    bool          // a test switched guardEnd off
	blind   bool          // a test switched guardCut off
}

// NewSessions returns an empty set over a table.
func NewSessions(table *verify.Table) *Sessions {
	return &Sessions{
		table: table, flights: &flights{}, open: map[*session]struct{}{}, byKey: map[string]map[*session]struct{}{}, empty: make(chan struct{}),
	}
}

// Put brings a key to a version and ends the sessions and calls of the version
// before.
func (x *Sessions) Put(key latchkey.Key, secret latchkey.Secret) {
	x.table.Put(key, secret)
	x.settle(key.ID)
}

// Hold refuses every message of the key until Release. Its sessions stay: it is
// not known whether anything changed.
func (x *Sessions) Hold(keyID string) { x.table.Hold(keyID) }

// Release ends a Hold.
func (x *Sessions) Release(keyID string) {
	x.table.Release(keyID)
	x.settle(keyID)
}

// Mask refuses every message of the key until Unmask, while a change of it is
// brought into force on every node.
func (x *Sessions) Mask(keyID string) { x.table.Mask(keyID) }

// Unmask ends a Mask.
func (x *Sessions) Unmask(keyID string) { x.table.Unmask(keyID) }

// settle ends the sessions and calls of a key that the table does not bear any
// more. A call that is added later sees by itself that its key has changed: the
// table comes first, here and there.
func (x *Sessions) settle(keyID string) {
	var cut []<-chan struct{}
	if !x.blind {
		cut = x.flights.severed(keyID, x.table)
	}
	x.mu.Lock()
	var over []*session
	for s := range x.byKey[keyID] {
		if !x.deaf && !x.table.Holds(s.grant.Load().Session) {
			over = append(over, s)
		}
	}
	x.mu.Unlock()
	part(over, partChanged)
	drain(cut)
}

// part ends sessions side by side, and returns when that is done: each takes
// the time that its client and its exchange take, which is bounded.
func part(over []*session, p parting) {
	var all sync.WaitGroup
	for _, s := range over {
		all.Go(func() {
			defer s.rescue()
			s.part(p)
		})
	}
	all.Wait()
}

// List returns the live sessions of a key, the oldest first.
func (x *Sessions) List(keyID string) []latchkey.KeySession {
	x.mu.Lock()
	defer x.mu.Unlock()
	var list []latchkey.KeySession
	for s := range x.byKey[keyID] {
		if g := s.grant.Load(); g != nil && s.ending.Load() == nil {
			list = append(list, s.view(g))
		}
	}
	slices.SortFunc(list, func(a, b latchkey.KeySession) int { return a.Since.Compare(b.Since) })
	return list
}

// keyed returns the sessions with a key that do not end yet.
func (x *Sessions) keyed() (list []*session) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, of := range x.byKey {
		for s := range of {
			if s.ending.Load() == nil {
				list = append(list, s)
			}
		}
	}
	return list
}

// End ends one session of a key, as its owner wishes. False says that the key
// has no such session, or not any more.
func (x *Sessions) End(keyID, id string) bool {
	x.mu.Lock()
	var over []*session
	for s := range x.byKey[keyID] {
		if s.id == id && s.ending.Load() == nil {
			over = append(over, s)
		}
	}
	x.mu.Unlock()
	part(over, partOwner)
	return len(over) > 0
}

// add takes a connection in, unless the gateway stops.
func (x *Sessions) add(s *session) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.stopped {
		x.open[s] = struct{}{}
	}
	return !x.stopped
}

// claim makes a session known by its key, if it may have one more.
func (x *Sessions) claim(s *session, g *grant, most int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	of := x.byKey[g.KeyID]
	if len(of) >= most {
		return false
	}
	if of == nil {
		of = map[*session]struct{}{}
		x.byKey[g.KeyID] = of
	}
	of[s] = struct{}{}
	s.grant.Store(g)
	return true
}

// leave forgets a session.
func (x *Sessions) leave(s *session) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, there := x.open[s]; !there {
		return
	}
	delete(x.open, s)
	if g := s.grant.Load(); g != nil {
		delete(x.byKey[g.KeyID], s)
		if len(x.byKey[g.KeyID]) == 0 {
			delete(x.byKey, g.KeyID)
		}
	}
	if x.stopped && len(x.open) == 0 {
		close(x.empty)
	}
}

func (x *Sessions) stopping() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.stopped
}

// count returns how many connections are open.
func (x *Sessions) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.open)
}

// stop ends all sessions and waits for their connections to close.
func (x *Sessions) stop(ctx context.Context) error {
	x.mu.Lock()
	first := !x.stopped
	x.stopped = true
	over := make([]*session, 0, len(x.open))
	for s := range x.open {
		over = append(over, s)
	}
	if first && len(over) == 0 {
		close(x.empty)
	}
	x.mu.Unlock()
	part(over, *spreadOut(partStopping))
	select {
	case <-x.empty:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// pace bounds how many messages a session may send in a second.
type pace struct {
	each, left int
	since      time.Time
}

func (p *pace) take(now time.Time) bool {
	if now.Sub(p.since) >= time.Second {
		p.since, p.left = now, p.each
	}
	p.left--
	return p.left >= 0
}
