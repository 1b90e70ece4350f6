package verify

import (
	"hash/maphash"
	"net/netip"

	"latchkey"
	"latchkey/signature"
)

// Check is one check, for tests that switch it off.
type Check = check

// The checks in their order.
const (
	Leased    = checkLeased
	Known     = checkKnown
	Authentic = checkAuthentic
	Fresh     = checkFresh
	Settled   = checkSettled
	Active    = checkActive
	Origin    = checkOrigin
	Permitted = checkPermitted
	Paced     = checkPaced
	Unused    = checkUnused
)

// Off switches checks off.
func (c *Checker) Off(off Check) { c.off = off }

// SetStranger gives the secret under which unknown keys are computed.
func (c *Checker) SetStranger(secret latchkey.Secret) {
	for _, e := range c.strangers {
		e.secret = newMidstate(secret)
	}
}

// ValidREST computes a MAC as the checker does.
func ValidREST(secret latchkey.Secret, r signature.REST) bool {
	m := newMidstate(secret)
	return newHasher().matches(&m, &r.Signature, r.Action, r.Timestamp, r.Body)
}

// MAC returns the bare check of a signature, with its working space at hand.
func MAC(secret latchkey.Secret) func(r *signature.REST) bool {
	m, h := newMidstate(secret), newHasher()
	return func(r *signature.REST) bool { return h.matches(&m, &r.Signature, r.Action, r.Timestamp, r.Body) }
}

// Origins packs a list as the table does.
func Origins(list latchkey.Allowlist) (contain func(netip.Addr) bool) {
	packed, v4 := appendOrigins(nil, list)
	return origins{packed, v4}.contain
}

// Allows reports whether the allowlist of the entry has the address.
func (e *Entry) Allows(addr netip.Addr) bool { return e.origins().contain(addr) }

// SameShard reports whether two keys stand in the same part of the table.
func (t *Table) SameShard(a, b string) bool {
	return maphash.String(t.seed, a)%shards == maphash.String(t.seed, b)%shards
}

// FindAmongColliding puts keys under one and the same hash, and looks for one.
func FindAmongColliding(ids []string, want string) *Entry {
	const hash = 7
	s := newSlots(2 * len(ids))
	for _, id := range ids {
		i, _ := find(*s, hash, id)
		(*s)[i].entry.Store(&Entry{facts: nameless(id)})
		(*s)[i].tag.Store(tag(hash))
	}
	_, e := find(*s, hash, want)
	return e
}

// Shard is one part of a table by itself.
type Shard struct {
	shard
	seed maphash.Seed
}

// NewShard returns an empty one.
func NewShard() *Shard {
	s := &Shard{seed: maphash.MakeSeed()}
	s.slots.Store(newSlots(firstSlots))
	return s
}

// Add puts a new key into it.
func (s *Shard) Add(keyID string) { s.add(s.seed, &Entry{facts: nameless(keyID)}) }

// Find looks for a key as Table.Lookup does.
func (s *Shard) Find(keyID string) *Entry {
	_, e := find(*s.slots.Load(), maphash.String(s.seed, keyID), keyID)
	return e
}

// Version is the version of the key that the entry was made from.
func (e *Entry) Version() int64 { return e.version }

// Replaced reports whether another entry took its place.
func (e *Entry) Replaced() bool { return e.replaced.Load() }

// The checks of a call that need nothing but its entry.
var (
	IsKnown     = known
	IsFresh     = fresh
	IsSettled   = settled
	IsActive    = active
	IsOrigin    = origin
	IsPermitted = permitted
)

// ForgedREST puts the MAC into r that a midstate without a secret gives, and
// reports whether that midstate takes it.
func ForgedREST(r signature.REST) bool {
	h := newHasher()
	h.matches(&midstate{}, &r.Signature, r.Action, r.Timestamp, r.Body)
	r.Signature = h.sum
	return h.matches(&midstate{}, &r.Signature, r.Action, r.Timestamp, r.Body)
}

// Refuse gives a verdict a reason that must not be Allowed.
func (v Verdict) Refuse(r Reason) Verdict { return v.refuse(r) }

// SameShard reports whether the notes about two keys stand in one part of the tally.
func (t *Tally) SameShard(a, b string) bool { return t.shard(a) == t.shard(b) }

// Bounds of the tally.
const (
	CallsOfHolder   = callsOfHolder
	CallsOfStranger = callsOfStranger
	KeysOfShard     = keysOfShard
)
