package authority_test

import (
	"context"

	"latchkey"
	"latchkey/internal/authority"
)

// loose is a real store in which a test takes one guard away, or lets one
// answer get lost. A nil field changes nothing.
type loose struct {
	authority.Store
	opening func()                    // before OpenPending
	pending func(p *latchkey.Pending) // what Pending read
	charge  func(c *latchkey.Charge)  // what ChargeAttempt is asked
	charged func(p *latchkey.Pending) // what ChargeAttempt answered
	free    bool                      // evaluations are not charged
	factor  func(lastStep *int64)     // what FactorSecret read
	key     func(k *latchkey.Key)     // what Key read
	deed    func(d *latchkey.Deed)    // what Apply is asked
	lost    func(d latchkey.Deed) loss
}

// loss says what becomes of a deed whose answer is lost.
type loss uint8

const (
	nothingLost loss = iota
	lostAfter        // it is written, and then the answer is lost
	lostBefore       // it is not written, but nobody knows
)

func (l *loose) OpenPending(ctx context.Context, o latchkey.Opening) (latchkey.Pending, bool, error) {
	if l.opening != nil {
		l.opening()
	}
	return l.Store.OpenPending(ctx, o)
}

func (l *loose) Pending(ctx context.Context, id string) (latchkey.Pending, error) {
	p, err := l.Store.Pending(ctx, id)
	if l.pending != nil && err == nil {
		l.pending(&p)
	}
	return p, err
}

func (l *loose) ChargeAttempt(ctx context.Context, c latchkey.Charge) (latchkey.Pending, error) {
	if l.free {
		return l.Store.Pending(ctx, c.PendingID)
	}
	if l.charge != nil {
		l.charge(&c)
	}
	p, err := l.Store.ChargeAttempt(ctx, c)
	if l.charged != nil && err == nil {
		l.charged(&p)
	}
	return p, err
}

func (l *loose) FactorSecret(ctx context.Context, memberID, factorID string) (latchkey.Factor, latchkey.Secret, int64, error) {
	f, secret, lastStep, err := l.Store.FactorSecret(ctx, memberID, factorID)
	if l.factor != nil && err == nil {
		l.factor(&lastStep)
	}
	return f, secret, lastStep, err
}

func (l *loose) Key(ctx context.Context, accountID, keyID string) (latchkey.Key, error) {
	k, err := l.Store.Key(ctx, accountID, keyID)
	if l.key != nil && err == nil {
		l.key(&k)
	}
	return k, err
}

func (l *loose) Apply(ctx context.Context, d latchkey.Deed) (latchkey.Activity, error) {
	if l.deed != nil {
		l.deed(&d)
	}
	become := nothingLost
	if l.lost != nil {
		become = l.lost(d)
	}
	if become == lostBefore {
		return latchkey.Activity{}, errLost
	}
	act, err := l.Store.Apply(ctx, d)
	if become == lostAfter {
		return latchkey.Activity{}, errLost
	}
	return act, err
}

// over is the world's authority over a loose store.
func (w *world) over(l *loose) *authority.Authority {
	l.Store = w.store
	return w.other(func(c *authority.Config) { c.Store = l })
}
