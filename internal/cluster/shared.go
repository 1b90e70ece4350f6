package cluster

import (
	"context"
	"time"

	"latchkey"
)

// Shared brings changes to every gateway node of a shared database. What is in
// doubt is stopped in this process at once, as by a Feed; the other nodes learn
// from the database what became of it.
type Shared struct {
	*Feed
	barrier *Barrier
}

// NewShared returns a Shared.
func NewShared(feed *Feed, barrier *Barrier) *Shared { return &Shared{feed, barrier} }

// Publish returns when the change, which was committed before, is in force on
// every node. The nodes read it from the database.
func (s *Shared) Publish(ctx context.Context, _ latchkey.Key, _ latchkey.Secret) (latchkey.Receipt, error) {
	return s.barrier.PassAll(ctx)
}

// longest bounds the wait for nodes: the longest lease that there is, and time
// for a database that is just changing hands.
const longest = time.Minute

// PassAll is Pass for a change that is written: whoever gave the caller less
// time meant the writing.
func (b *Barrier) PassAll(ctx context.Context) (latchkey.Receipt, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
	defer cancel()
	return b.Pass(ctx)
}
