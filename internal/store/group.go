package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// A disk keeps few commits a second, and each act needs one. So acts that come
// while another one is being committed wait, and then share the next commit.
//
// What a caller is promised stays the same. Its act sees what the acts before it
// wrote, as if each had been committed by itself. One that is refused or fails
// leaves nothing behind, and the others stand. Nobody gets an answer before the
// commit; if that fails or its outcome is unknown, all hear so, also who was
// refused: the refusal may have been for the sake of an act that is gone.

const (
	mostTogether = 32               // acts of one commit
	groupTime    = 10 * time.Second // for a transaction that no single caller may break off
)

// entry is an act that waits, and later its outcome.
type entry struct {
	ctx  context.Context
	do   func(context.Context, *tx) error
	err  error
	fell any           // what do panicked with
	done chan struct{} // closed when err and fell are final
}

var errFell = errors.New("the act panicked")

// run does the act for whoever waits for it.
func (e *entry) run(ctx context.Context, t *tx) (err error) {
	defer func() {
		if e.fell = recover(); e.fell != nil {
			err = errFell
		}
	}()
	return e.do(ctx, t)
}

// outcome is for the one whose act it was: a panic, too, is nobody else's.
func (e *entry) outcome() error {
	if e.fell != nil {
		panic(e.fell)
	}
	return e.err
}

// group holds the acts that wait.
type group struct {
	turn    chan struct{} // has one in it while somebody writes for all
	mu      sync.Mutex
	waiting []*entry // oldest first
}

func newGroup() *group { return &group{turn: make(chan struct{}, 1)} }

// together is act for what many do at once. One of the callers writes for those
// who wait. So do must use the context that it is given: the one of its caller
// would break off the others' acts with its own.
func (s *Store) together(ctx context.Context, do func(context.Context, *tx) error) error {
	e := &entry{ctx: ctx, do: do, done: make(chan struct{})}
	s.group.join(e)
	for {
		select {
		case <-e.done:
			return e.outcome()
		case s.group.turn <- struct{}{}:
			s.writeGroup()
		case <-ctx.Done():
			if s.group.leave(e) {
				return ctx.Err()
			}
			<-e.done // it is being written: only the end tells
			return e.outcome()
		}
	}
}

// writeGroup writes what waits, and passes the turn on.
func (s *Store) writeGroup() {
	defer func() { <-s.group.turn }()
	entries := s.group.take()
	if len(entries) == 0 {
		return // the one before has written for this caller too
	}
	ctx, cancel := entries[0].ctx, func() {}
	if len(entries) > 1 {
		ctx, cancel = context.WithTimeout(context.Background(), groupTime)
	}
	defer cancel()
	err := errFell
	defer func() {
		for _, e := range entries {
			if err != nil {
				e.err = err
			}
			close(e.done)
		}
	}()
	err = s.act(ctx, func(t *tx) error { return t.each(ctx, entries) })
}

// each runs the acts one after the other, each in a savepoint. What it returns
// undoes all of them: the act that is alone, a transaction that the database
// broke off and that runs again, a disk without room.
func (t *tx) each(ctx context.Context, entries []*entry) error {
	if len(entries) == 1 {
		return entries[0].run(ctx, t)
	}
	mark := "SAVEPOINT act"
	for _, e := range entries {
		if _, err := t.sql.ExecContext(ctx, mark); err != nil {
			return err
		}
		before := t.end
		e.err = e.ctx.Err() // who has left in the meantime wants nothing
		if e.err == nil {
			e.err = refine(e.run(ctx, t))
		}
		mark = "RELEASE SAVEPOINT act; SAVEPOINT act"
		if e.err == nil {
			continue
		}
		if brokenOff(e.err) || full(e.err) {
			return e.err
		}
		if _, err := t.sql.ExecContext(ctx, "ROLLBACK TO SAVEPOINT act"); err != nil {
			return err
		}
		t.end = before
	}
	return nil
}

func (g *group) join(e *entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, e)
}

// leave takes an act back; false when it was taken to be written.
func (g *group) leave(e *entry) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, e)
	if i < 0 {
		return false
	}
	g.waiting = slices.Delete(g.waiting, i, i+1)
	return true
}

// take takes the oldest.
func (g *group) take() []*entry {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), mostTogether)
	taken := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return taken
}
