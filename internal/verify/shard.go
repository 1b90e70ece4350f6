package verify

import (
	"hash/maphash"
	"iter"
	"sync"
	"sync/atomic"
)

const (
	shards     = 256
	firstSlots = 8 // a power of two
)

// shard is a part of the table: a hash table with open addressing and linear
// probing. A map would take a lock to read, 16 bytes of key and 8 of pointer for
// each entry, and more room that is free. Here an entry has its id in itself, and
// none is ever taken out, so that a reader needs no lock: what it walks past
// stays where it is.
type shard struct {
	sync.Mutex // of those who write
	slots      atomic.Pointer[slots]
	used       int
}

// slots are at most three quarters full, so that a walk is short. They become
// more by copying them, never in place. Their number is a power of two.
type slots []slot

// slot is a place for an entry. Its tag is a part of the hash: a walk touches no
// entry but the one that it looks for, since each is likely to be in cold memory.
// 0 is a free slot; a tag is written after its entry.
type slot struct {
	tag   atomic.Uint32
	entry atomic.Pointer[Entry]
}

func newSlots(n int) *slots {
	s := make(slots, n)
	return &s
}

// tag is a part of a hash that chose neither the shard nor the slot, and never 0.
func tag(hash uint64) uint32 { return uint32(hash>>32) | 1 }

// find returns the slot and the entry of a key; the free slot where it would be
// put, and nil, when there is none.
func find[ID string | []byte](in slots, hash uint64, keyID ID) (int, *Entry) {
	want, last := tag(hash), len(in)-1
	// The lowest bits of the hash chose the shard and are the same for all here.
	for i := int(hash/shards) & last; ; i = (i + 1) & last { // #nosec G115 -- an index: its upper bits are cut off
		switch in[i].tag.Load() {
		case 0:
			return i, nil
		case want:
			if e := in[i].entry.Load(); string(e.keyID()) == string(keyID) {
				return i, e
			}
		}
	}
}

// all walks over the entries.
func (s slots) all() iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		for i := range s {
			if e := s[i].entry.Load(); e != nil && !yield(e) {
				return
			}
		}
	}
}

// add puts the entry of a new key into the shard, which is locked. Whoever reads
// the former slots meanwhile sees what was there before.
func (s *shard) add(seed maphash.Seed, e *Entry) {
	now := *s.slots.Load()
	if s.used++; s.used > len(now)/4*3 {
		more := newSlots(2 * len(now))
		for old := range now.all() {
			more.put(seed, old)
		}
		s.slots.Store(more)
		now = *more
	}
	now.put(seed, e)
}

func (s slots) put(seed maphash.Seed, e *Entry) {
	hash := maphash.Bytes(seed, e.keyID())
	i, _ := find(s, hash, e.keyID())
	s[i].entry.Store(e)
	s[i].tag.Store(tag(hash))
}
