package verify

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"latchkey"
)

// Entry is a key as the data plane sees it. An entry is never changed: a change
// of the key puts another one in its place.
type Entry struct {
	facts
	replaced atomic.Bool // another one took its place
}

// facts is what a call is judged by.
type facts struct {
	KeyID       string
	AccountID   string
	permissions latchkey.Permissions
	allowlist   latchkey.Allowlist
	version     int64
	secret      midstate
	active      bool
	deleted     bool
	held        bool // the outcome of a change is not known
	masked      bool // a change is not in force on every node yet
}

// Permissions returns what the key may do.
func (e *Entry) Permissions() latchkey.Permissions { return e.permissions }

const shards = 256

// Table holds the keys of all accounts, about 250 bytes each. Reads of
// different keys share no lock; a write stops only its own shard.
type Table struct {
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	sync.RWMutex
	entries map[string]*Entry
	_       [64]byte // keeps neighbours' locks off one cache line
}

// NewTable returns an empty table.
func NewTable() *Table {
	t := &Table{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].entries = make(map[string]*Entry)
	}
	return t
}

// Lookup returns the entry of a key, nil for one that was never put. A deleted
// key has an entry, too.
func (t *Table) Lookup(keyID []byte) *Entry {
	s := &t.shards[maphash.Bytes(t.seed, keyID)%shards]
	s.RLock()
	defer s.RUnlock()
	return s.entries[string(keyID)]
}

// Put brings a key to the version that is given. Versions may arrive in any
// order: an older one never replaces a newer, and nothing replaces a deletion.
// An empty secret keeps the one that is there, since a key has the same one for
// life; so does the table when the secret comes with an older version. Put does
// not end a Hold.
func (t *Table) Put(key latchkey.Key, secret latchkey.Secret) {
	t.change(key.ID, func(old *facts) (facts, bool) { return put(old, key, secret) })
}

// Hold stops a key whose newest state is not known. Until Release every call
// with it is refused as "key_state_changing".
func (t *Table) Hold(keyID string) {
	t.change(keyID, func(old *facts) (facts, bool) {
		next := facts{KeyID: keyID}
		if old != nil {
			next = *old
		}
		next.held = true
		return next, true
	})
}

// Release ends a Hold. Before it, the state that was read after the Hold began
// must have been Put: a Put alone could be late news from before.
func (t *Table) Release(keyID string) {
	t.change(keyID, func(old *facts) (facts, bool) {
		if old == nil {
			return facts{}, false
		}
		next := *old
		next.held = false
		return next, true
	})
}

// Mask refuses every call of a key, as Hold does, from before a change of it is
// put in force here until it is in force everywhere: else a caller could be
// refused by this node and then served by another one.
func (t *Table) Mask(keyID string) { t.mask(keyID, true) }

// Unmask ends a Mask.
func (t *Table) Unmask(keyID string) { t.mask(keyID, false) }

func (t *Table) mask(keyID string, masked bool) {
	t.change(keyID, func(old *facts) (facts, bool) {
		next := facts{KeyID: keyID}
		if old != nil {
			next = *old
		}
		changed := next.masked != masked
		if next.masked = masked; !masked && next.deleted {
			next.secret = midstate{} // see merge
		}
		return next, changed
	})
}

// changing reports whether a key is masked whose secret is not known here, as
// when it was deleted before this process began.
func (t *Table) changing(keyID []byte) bool {
	e := t.Lookup(keyID)
	return e != nil && e.masked && !e.secret.set
}

// Len returns how many keys can be known to a call; deleted ones do not count.
func (t *Table) Len() int {
	n := 0
	for i := range t.shards {
		s := &t.shards[i]
		s.RLock()
		for _, e := range s.entries {
			if known(e) {
				n++
			}
		}
		s.RUnlock()
	}
	return n
}

// change replaces the entry of a key by what next makes of it (nil: there is
// none yet), or leaves it when next says false. The old entry is marked, so
// that a call that was allowed by it can still be stopped.
func (t *Table) change(keyID string, next func(old *facts) (facts, bool)) {
	s := &t.shards[maphash.String(t.seed, keyID)%shards]
	s.Lock()
	defer s.Unlock()
	old := s.entries[keyID]
	var before *facts
	if old != nil {
		before = &old.facts
	}
	after, changed := next(before)
	if !changed {
		return
	}
	s.entries[keyID] = &Entry{facts: after}
	if old != nil {
		old.replaced.Store(true)
	}
}

// put decides what becomes of an entry when a version of the key arrives.
func put(old *facts, key latchkey.Key, secret latchkey.Secret) (facts, bool) {
	if old == nil {
		return merge(facts{}, key, secret), true
	}
	switch {
	case old.deleted:
		return *old, false
	case key.Status == latchkey.StatusDeleted:
		return merge(*old, key, ""), true
	case key.Version < old.version && (old.secret.set || secret == ""):
		return *old, false
	case key.Version < old.version:
		late := *old // the secret of a creation that was overtaken by an activation
		late.secret = newMidstate(secret)
		return late, true
	}
	return merge(*old, key, secret), true
}

// merge makes the facts of a key. Only the status "active" makes it usable; a
// deleted key keeps nothing that could, but for the secret while it is masked:
// its holder is then told that the key is being changed.
func merge(old facts, key latchkey.Key, secret latchkey.Secret) facts {
	if key.Status == latchkey.StatusDeleted {
		gone := facts{KeyID: key.ID, AccountID: key.AccountID, version: key.Version, deleted: true, masked: old.masked}
		if old.masked {
			gone.secret = old.secret
		}
		return gone
	}
	next := facts{
		KeyID: key.ID, AccountID: key.AccountID, permissions: key.Permissions, allowlist: key.Allowlist,
		version: key.Version, active: key.Status == latchkey.StatusActive, held: old.held, masked: old.masked, secret: old.secret,
	}
	if secret != "" {
		next.secret = newMidstate(secret)
	}
	return next
}
