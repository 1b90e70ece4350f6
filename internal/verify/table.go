package verify

import (
	"hash/maphash"
	"sync/atomic"

	"latchkey"
)

// Entry is a key as the data plane sees it. An entry is never changed: a change
// of the key puts another one in its place.
//
// It fills three lines of cache, and a verdict reads nothing that is behind a
// pointer in it: among a million keys, what a call costs is how often it has to
// wait for memory before it knows what to read next.
type Entry struct {
	facts
	replaced atomic.Bool // another one took its place
	counts   atomic.Pointer[counts]
}

// facts is what a call is judged by.
type facts struct {
	secret      midstate
	permissions latchkey.Permissions
	active      bool
	deleted     bool
	held        bool // the outcome of a change is not known
	masked      bool // a change is not in force on every node yet
	version     int64

	// The id, the account and the allowlist, one behind the other.
	id, account uint16 // their lengths
	list, v4    uint16 // of the allowlist, and see origins
	near        [nearSize]byte
	far         *[]byte // in place of it, when that is too small
}

// nearSize is the room for ids of ours and an allowlist of five addresses of
// IPv4. It makes an Entry 192 bytes, which the allocator gives out in whole lines.
const nearSize = 80

// texts returns the id, the account and the allowlist. Nobody changes them.
func (f *facts) texts() []byte {
	if f.far != nil {
		return *f.far
	}
	return f.near[:]
}

func (f *facts) keyID() []byte { return f.texts()[:f.id] }

func (f *facts) ids() []byte { return f.texts()[:f.id+f.account] }

func (f *facts) origins() origins {
	at := f.id + f.account
	return origins{f.texts()[at : at+f.list], f.v4}
}

// KeyID is the public id of the key.
func (e *Entry) KeyID() string { return e.count().keyID }

// AccountID is the account that the key belongs to.
func (e *Entry) AccountID() string { return e.count().accountID }

// Permissions returns what the key may do.
func (e *Entry) Permissions() latchkey.Permissions { return e.permissions }

// Table holds the keys of all accounts, about 230 bytes each with an allowlist
// of two. Reads take no lock; a write stops only the writes of its shard.
type Table struct {
	seed   maphash.Seed
	shards [shards]shard
}

// NewTable returns an empty table.
func NewTable() *Table {
	t := &Table{seed: maphash.MakeSeed()}
	for i := range t.shards {
		t.shards[i].slots.Store(newSlots(firstSlots))
	}
	return t
}

// Lookup returns the entry of a key, nil for one that was never put. A deleted
// key has an entry, too.
func (t *Table) Lookup(keyID []byte) *Entry {
	e, _ := t.lookup(keyID)
	return e
}

// lookup returns the hash of the id as well.
func (t *Table) lookup(keyID []byte) (*Entry, uint64) {
	hash := maphash.Bytes(t.seed, keyID)
	_, e := find(*t.shards[hash%shards].slots.Load(), hash, keyID)
	return e, hash
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
		next := nameless(keyID)
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
		next := nameless(keyID)
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

// Len returns how many keys can be known to a call; deleted ones do not count.
func (t *Table) Len() int {
	n := 0
	for i := range t.shards {
		for e := range t.shards[i].slots.Load().all() {
			if known(e) {
				n++
			}
		}
	}
	return n
}

// change replaces the entry of a key by what next makes of it (nil: there is
// none yet), or leaves it when next says false. The old entry is marked, so
// that a call that was allowed by it can still be stopped.
func (t *Table) change(keyID string, next func(old *facts) (facts, bool)) {
	hash := maphash.String(t.seed, keyID)
	s := &t.shards[hash%shards]
	s.Lock()
	defer s.Unlock()
	now := *s.slots.Load()
	slot, old := find(now, hash, keyID)
	if old == nil {
		if after, changed := next(nil); changed {
			s.add(t.seed, &Entry{facts: after})
		}
		return
	}
	if after, changed := next(&old.facts); changed {
		e := &Entry{facts: after}
		// A change gives nobody fresh points. Nobody spent any of a key that has
		// been held before its first version, and its counts name no account.
		if string(old.ids()) == string(e.ids()) {
			e.counts.Store(old.count())
		}
		now[slot].entry.Store(e)
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
		gone := facts{version: key.Version, deleted: true, masked: old.masked}
		gone.remember(latchkey.Key{ID: key.ID, AccountID: key.AccountID})
		if old.masked {
			gone.secret = old.secret
		}
		return gone
	}
	next := old
	next.remember(key)
	next.permissions, next.version, next.active = key.Permissions, key.Version, key.Status == latchkey.StatusActive
	if secret != "" {
		next.secret = newMidstate(secret)
	}
	return next
}

// remember takes the key's texts and its allowlist over.
func (f *facts) remember(key latchkey.Key) {
	ids := len(key.ID) + len(key.AccountID)
	packed, v4 := appendOrigins(append([]byte(key.ID), key.AccountID...), key.Allowlist)
	// #nosec G115 -- ids of our own, a few bytes; and 999 entries of 17 bytes at most
	f.id, f.account, f.list, f.v4 = uint16(len(key.ID)), uint16(len(key.AccountID)), uint16(len(packed)-ids), v4
	f.near, f.far = [nearSize]byte{}, nil
	if copy(f.near[:], packed) < len(packed) {
		f.far = &packed
	}
}

// nameless are the facts about a key of which nothing but the id is known.
func nameless(keyID string) (f facts) {
	f.remember(latchkey.Key{ID: keyID})
	return f
}
