package verify

import (
	"sync/atomic"
	"time"

	"latchkey"
)

// counts is what this process counts of a key. All entries of the key share it,
// so that a call finds it without another search.
type counts struct {
	keyID, accountID string
	points           latchkey.Points // the ledger's

	// Allowed calls since the tally looked. It looks when they are listed.
	allowed  atomic.Int64
	lastUsed atomic.Int64 // Unix nanoseconds
	listed   atomic.Bool
}

// count returns the counts, which are made for a key when it is first used: most
// keys of a million rest.
func (e *Entry) count() *counts {
	if c := e.counts.Load(); c != nil {
		return c
	}
	ids := string(e.ids())
	e.counts.CompareAndSwap(nil, &counts{keyID: ids[:e.id], accountID: ids[e.id:]})
	return e.counts.Load()
}

// use counts an allowed call, and reports whether it is the first since the
// tally looked. It counts before it asks: a tally that looks in between sees the
// call, or is told of it.
func (c *counts) use(at time.Time) (first bool) {
	c.allowed.Add(1)
	for now := at.UnixNano(); ; {
		last := c.lastUsed.Load()
		if now <= last || c.lastUsed.CompareAndSwap(last, now) {
			break
		}
	}
	return !c.listed.Load() && c.listed.CompareAndSwap(false, true)
}

// used takes the calls out that were counted.
func (c *counts) used() latchkey.KeyUse {
	c.listed.Store(false)
	return latchkey.KeyUse{KeyID: c.keyID, Allowed: c.allowed.Swap(0), LastUsed: time.Unix(0, c.lastUsed.Load()).UTC()}
}
