package verify

import (
	"context"
	"hash/maphash"
	"math"
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
	usesOfFlush     = 256  // keys whose use is written at a time
	flushTimeout    = 5 * time.Second
)

// Tally notes what was allowed and refused, for the owners of the keys: when a
// key was last used, how often, and which calls were refused and why. Only
// calls that name a key that exists are noted. It is bounded: in a storm it
// keeps the newest refused calls and counts the rest.
type Tally struct {
	seed   maphash.Seed
	shards [tallyShards]tallyShard
	nobody [tallyShards]tallyShard // calls that name no key: see pretend
	turn   atomic.Uint32           // the shard whose uses are drained first
}

type tallyShard struct {
	sync.Mutex
	used    []*counts        // of keys with allowed calls, those that wait longest first
	turn    int              // how many of them have to be written until the next shard's turn
	notes   map[string]*note // of keys with refused calls, or with what could not be written
	refused []*note          // those with refused calls
	dropped int64            // calls that were counted and not kept
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
		t.nobody[i].notes = make(map[string]*note)
	}
	return t
}

// Note takes down a verdict. It writes nothing: see Run.
func (t *Tally) Note(v *Verdict, requestID string) {
	if !v.found {
		t.pretend(v, requestID)
		return
	}
	// Only an allowed call counts as use: a stranger must not be able to make a
	// forgotten key look busy.
	if v.Allowed() {
		if c := v.entry.count(); c.use(v.At) {
			s := t.shard(c.keyID)
			s.Lock()
			defer s.Unlock()
			s.used = append(s.used, c)
		}
		return
	}
	s := t.shard(v.entry.KeyID())
	s.Lock()
	defer s.Unlock()
	s.keep(s.note(v.entry.KeyID()), v, requestID)
}

// pretend takes down a call that names no key, where nobody reads it. It is done
// before the answer is sent, and so the answer would come sooner for a key that
// does not exist (CWE-208).
func (t *Tally) pretend(v *Verdict, requestID string) {
	if v.entry == nil {
		return // a public call
	}
	s := &t.nobody[maphash.String(t.seed, v.entry.KeyID())%tallyShards]
	s.Lock()
	defer s.Unlock()
	s.keep(s.note(v.entry.KeyID()), v, requestID)
}

// Dropped is how many refused calls were counted but not kept.
func (t *Tally) Dropped() (n int64) {
	for i := range t.shards {
		s := &t.shards[i]
		s.Lock()
		n += s.dropped
		s.Unlock()
	}
	return n
}

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

// add adds what was counted to the note about its key.
func (s *tallyShard) add(use latchkey.KeyUse) {
	n := s.note(use.KeyID)
	n.use.Allowed += use.Allowed
	n.use.Refused += use.Refused
	n.use.LastUsed = later(n.use.LastUsed, use.LastUsed)
}

// calls takes the refused calls out.
func (s *tallyShard) calls() (calls []latchkey.RefusedCall) {
	for _, n := range s.refused {
		calls = append(append(calls, n.holder...), n.stranger...)
		n.holder, n.stranger = nil, nil
	}
	s.refused = nil
	return calls
}

// uses takes the counts of so many keys out, and all notes with them.
func (s *tallyShard) uses(most int) (uses []latchkey.KeyUse) {
	if s.turn == 0 || most >= len(s.used) {
		s.turn = len(s.used) // whoever is used again meanwhile has another turn
	}
	most = min(most, s.turn)
	s.turn -= most
	for _, c := range s.used[:most] {
		if use := c.used(); use.Allowed > 0 {
			s.add(use)
		}
	}
	left := copy(s.used, s.used[most:])
	clear(s.used[left:]) // holds no key that is gone
	s.used = s.used[:left]
	for _, n := range s.notes {
		uses = append(uses, n.use)
	}
	clear(s.notes)
	return uses
}

// keep adds a refused call within the bounds.
func (s *tallyShard) keep(n *note, v *Verdict, requestID string) {
	n.use.Refused++
	if len(n.holder)+len(n.stranger) == 0 {
		if len(s.refused) == keysOfShard {
			s.dropped++
			return
		}
		s.refused = append(s.refused, n)
	}
	call := latchkey.RefusedCall{
		At: v.At, AccountID: v.entry.AccountID(), KeyID: v.entry.KeyID(),
		IP: v.Addr.String(), Reason: v.Reason.Code(), Detail: v.Text(), RequestID: requestID,
	}
	if v.Action != nil {
		call.Action = v.Action.Name
	}
	if v.told {
		n.holder = s.push(n.holder, callsOfHolder, call)
	} else {
		n.stranger = s.push(n.stranger, callsOfStranger, call)
	}
}

// push drops the oldest when there is no room.
func (s *tallyShard) push(calls []latchkey.RefusedCall, most int, call latchkey.RefusedCall) []latchkey.RefusedCall {
	if len(calls) == most {
		s.dropped++
		calls = append(calls[:0], calls[1:]...)
	}
	return append(calls, call)
}

// Drain returns what was noted and forgets it: all refused calls, in the order
// of their time, and the uses of as many keys as are asked for, besides those
// with refused calls. Those that wait since the longest come first.
func (t *Tally) Drain(most int) ([]latchkey.KeyUse, []latchkey.RefusedCall) {
	var uses []latchkey.KeyUse
	var calls []latchkey.RefusedCall
	first, next := t.turn.Load(), uint32(0)
	for i := range uint32(tallyShards) {
		s := &t.shards[(first+i)%tallyShards]
		s.Lock()
		calls = append(calls, s.calls()...)
		if len(uses) < most {
			uses, next = append(uses, s.uses(most-len(uses))...), i
			if s.turn == 0 {
				next = i + 1
			}
		}
		s.Unlock()
	}
	t.turn.Store((first + next) % tallyShards)
	slices.SortStableFunc(calls, func(a, b latchkey.RefusedCall) int { return a.At.Compare(b.At) })
	return uses, calls
}

// Run writes what was noted to the store, every time the interval has passed
// and once more at the end, until the context ends. What the store did not take
// is tried again: the counts without loss, the calls as far as there is room.
//
// However many keys are busy, what is written at a time is bounded, so that it
// takes no time from calls: of 100,000 busy keys each is written every four
// hundred intervals.
func (t *Tally) Run(ctx context.Context, store TallyStore, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			t.flush(ctx, store, usesOfFlush)
		case <-ctx.Done():
			t.flush(context.WithoutCancel(ctx), store, math.MaxInt)
			return
		}
	}
}

// flush bounds how long a store that hangs can hold the tally up.
func (t *Tally) flush(ctx context.Context, store TallyStore, most int) {
	uses, calls := t.Drain(most)
	if len(uses)+len(calls) == 0 {
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
		s.add(use)
		s.Unlock()
	}
	// The newest first, so that it is the oldest for which there is no room.
	for _, call := range slices.Backward(calls) {
		s := t.shard(call.KeyID)
		s.Lock()
		n := s.note(call.KeyID)
		if len(n.holder) < callsOfHolder {
			if len(n.holder)+len(n.stranger) == 0 {
				s.refused = append(s.refused, n)
			}
			n.holder = slices.Insert(n.holder, 0, call)
		} else {
			s.dropped++
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
