package verify

import (
	"context"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"latchkey"
)

// TallyStore keeps what was noted. Uses add to what is stored; calls are new
// rows. An error means that nothing was stored.
type TallyStore interface {
	NoteUse(ctx context.Context, uses []latchkey.KeyUse, calls []latchkey.RefusedCall) error
}

// Bounds of what is kept between two flushes. Who knows only the id of a key
// can fill the small bound, and push out nothing of the holder's.
const (
	tallyShards     = 64
	callsOfHolder   = 16
	callsOfStranger = 4
	keysOfShard     = 4096 // of which refused calls are kept
	flushTimeout    = 5 * time.Second
)

// Tally notes what was allowed and refused, for the owners of the keys: when a
// key was last used, how often, and which calls were refused and why. Only
// calls that name a key that exists are noted. It is bounded: in a storm it
// keeps the newest refused calls and counts the rest.
type Tally struct {
	seed    maphash.Seed
	shards  [tallyShards]tallyShard
	dropped atomic.Int64
}

type tallyShard struct {
	sync.Mutex
	notes map[string]*note
}

// note is what happened to one key since the last flush.
type note struct {
	use      latchkey.KeyUse
	holder   []latchkey.RefusedCall // authentic calls
	stranger []latchkey.RefusedCall // calls with a wrong signature
}

// NewTally returns an empty tally.
func NewTally() *Tally {
	t := &Tally{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].notes = make(map[string]*note)
	}
	return t
}

// Note takes down a verdict. It writes nothing: see Run.
func (t *Tally) Note(v *Verdict, requestID string) {
	if !v.found {
		return
	}
	s := t.shard(v.entry.KeyID)
	s.Lock()
	defer s.Unlock()
	n := s.note(v.entry.KeyID)
	// Only an allowed call counts as use: a stranger must not be able to make a
	// forgotten key look busy.
	if v.Allowed() {
		n.use.Allowed++
		n.use.LastUsed = later(n.use.LastUsed, v.At)
		return
	}
	n.use.Refused++
	t.keep(s, n, v, requestID)
}

// Dropped is how many refused calls were counted but not kept.
func (t *Tally) Dropped() int64 { return t.dropped.Load() }

func (t *Tally) shard(keyID string) *tallyShard {
	return &t.shards[maphash.String(t.seed, keyID)%tallyShards]
}

// note returns the note about a key, a new one if need be. The number of notes
// is bounded by the number of keys that exist.
func (s *tallyShard) note(keyID string) *note {
	n := s.notes[keyID]
	if n == nil {
		n = &note{use: latchkey.KeyUse{KeyID: keyID}}
		s.notes[keyID] = n
	}
	return n
}

// swap takes all notes out. An empty map stays where it is, and is not handed
// out: somebody could be writing to it.
func (s *tallyShard) swap() map[string]*note {
	s.Lock()
	defer s.Unlock()
	if len(s.notes) == 0 {
		return nil
	}
	notes := s.notes
	s.notes = make(map[string]*note, len(notes))
	return notes
}

// keep adds a refused call within the bounds.
func (t *Tally) keep(s *tallyShard, n *note, v *Verdict, requestID string) {
	if len(s.notes) > keysOfShard {
		t.dropped.Add(1)
		return
	}
	call := latchkey.RefusedCall{
		At: v.At, AccountID: v.entry.AccountID, KeyID: v.entry.KeyID,
		IP: v.Addr.String(), Reason: v.Reason.Code(), Detail: v.Text(), RequestID: requestID,
	}
	if v.Action != nil {
		call.Action = v.Action.Name
	}
	if v.told {
		n.holder = t.push(n.holder, callsOfHolder, call)
	} else {
		n.stranger = t.push(n.stranger, callsOfStranger, call)
	}
}

// push drops the oldest when there is no room.
func (t *Tally) push(calls []latchkey.RefusedCall, most int, call latchkey.RefusedCall) []latchkey.RefusedCall {
	if len(calls) == most {
		t.dropped.Add(1)
		calls = append(calls[:0], calls[1:]...)
	}
	return append(calls, call)
}

// Drain returns what was noted since the last Drain and forgets it. Calls come
// in the order of their time.
func (t *Tally) Drain() ([]latchkey.KeyUse, []latchkey.RefusedCall) {
	var uses []latchkey.KeyUse
	var calls []latchkey.RefusedCall
	for i := range t.shards {
		for _, n := range t.shards[i].swap() {
			uses = append(uses, n.use)
			calls = append(append(calls, n.holder...), n.stranger...)
		}
	}
	slices.SortStableFunc(calls, func(a, b latchkey.RefusedCall) int { return a.At.Compare(b.At) })
	return uses, calls
}

// Run writes what was noted to the store, every time the interval has passed
// and once more at the end, until the context ends. What the store did not take
// is tried again: the counts without loss, the calls as far as there is room.
func (t *Tally) Run(ctx context.Context, store TallyStore, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			t.flush(ctx, store)
		case <-ctx.Done():
			t.flush(context.WithoutCancel(ctx), store)
			return
		}
	}
}

// flush bounds how long a store that hangs can hold the tally up.
func (t *Tally) flush(ctx context.Context, store TallyStore) {
	uses, calls := t.Drain()
	if len(uses) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if store.NoteUse(ctx, uses, calls) != nil {
		t.restore(uses, calls)
	}
}

// restore puts back what could not be written, behind nothing that is newer.
func (t *Tally) restore(uses []latchkey.KeyUse, calls []latchkey.RefusedCall) {
	for _, use := range uses {
		s := t.shard(use.KeyID)
		s.Lock()
		n := s.note(use.KeyID)
		n.use.Allowed += use.Allowed
		n.use.Refused += use.Refused
		n.use.LastUsed = later(n.use.LastUsed, use.LastUsed)
		s.Unlock()
	}
	// The newest first, so that it is the oldest for which there is no room.
	for _, call := range slices.Backward(calls) {
		s := t.shard(call.KeyID)
		s.Lock()
		n := s.note(call.KeyID)
		if len(n.holder) < callsOfHolder {
			n.holder = slices.Insert(n.holder, 0, call)
		} else {
			t.dropped.Add(1)
		}
		s.Unlock()
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
