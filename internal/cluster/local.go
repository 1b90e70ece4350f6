// Package cluster holds what gateway nodes share: the points of each key and
// address, the signatures that were seen, and the feed of changes. Local and Feed
// are the forms for one process, Redis and Shared those for several.
package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"latchkey"
)

// Errors of a Take. Each of them refuses the call and took nothing.
var (
	ErrTake  = errors.New("a take needs a bucket, a cost of at least 1 and a time")
	ErrFull  = errors.New("more callers or signatures than there is room for; the call was refused so that none is forgotten")
	ErrClock = errors.New("the call is so old, or the clock was set back so far, that it could have been seen and forgotten")
	ErrAhead = errors.New("the signature would have to be remembered for longer than two windows and a second; check the window and the clock")
)

// LocalConfig sets up a Local.
type LocalConfig struct {
	// Window is how far a timestamp may lie from the clock, either way. A
	// signature from the future is remembered for up to twice as long.
	Window time.Duration
	// Start is when this process began to remember: what can have been signed
	// before it may have been seen by the process before this one, and is
	// refused. Zero trusts that there was none.
	Start time.Time
	// Room bounds the signatures that are remembered at once, and by itself the
	// keys and addresses that call within one minute; 0 is 2 million, which
	// take about 200 MB when they are there.
	Room int
}

const localShards = 64

// Local is a ledger in memory. It is safe for use from many goroutines; calls
// of different keys share no lock, but for one in 64.
type Local struct {
	seed   maphash.Seed
	window time.Duration
	room   int // in one shard
	shards [localShards]localShard
}

// localShard keeps points and signatures of its buckets under one lock, so
// that both are taken together.
type localShard struct {
	sync.Mutex
	second int64                       // of the last turn
	minute int64                       // calendar minute that points belong to
	points map[string]*latchkey.Points // of buckets that come without their own
	seen   map[int64]slot              // by the time at which they can be forgotten
	count  int                         // of all slots
	// floor is the end of the youngest slot that was forgotten, Unix
	// nanoseconds. A signature that ends before it may have been in it: if one
	// shows up (the clock was set back), nobody can say that it is new.
	floor int64
	_     [64]byte // keeps neighbours' locks off one cache line
}

// slot holds the signatures that end within the same stretch of time.
type slot map[[32]byte]struct{}

// slotWidth is the stretch. There are about (2 windows / width) slots at once.
const slotWidth = int64(10 * time.Second)

const defaultRoom = 1 << 21

// NewLocal returns an empty ledger.
func NewLocal(c LocalConfig) *Local {
	if c.Room <= 0 {
		c.Room = defaultRoom
	}
	l := &Local{seed: maphash.MakeSeed(), window: c.Window, room: max(1, c.Room/localShards)}
	for i := range l.shards {
		s := &l.shards[i]
		s.points, s.seen = make(map[string]*latchkey.Points), make(map[int64]slot)
		if !c.Start.IsZero() {
			// Timestamps are whole seconds, so the second of the start counts
			// as after it; its last fresh moment is the first to be accepted.
			s.floor = c.Start.Truncate(time.Second).Add(c.Window).UnixNano()
		}
	}
	return l
}

// Take takes points and place, or nothing at all. Points are judged first, so
// that a caller who used them up learns nothing about what was seen.
func (l *Local) Take(_ context.Context, t latchkey.Take) (latchkey.Taken, error) {
	if err := check(t, l.window); err != nil {
		return latchkey.TakenNothing, err
	}
	bucket := maphash.Bytes(l.seed, t.Bucket)
	s := &l.shards[bucket%localShards]
	s.Lock()
	defer s.Unlock()
	s.turn(t.Now)
	spent := t.Points
	if spent == nil {
		spent = s.points[string(t.Bucket)]
	}
	used := 0
	if spent != nil && spent.Minute == s.minute {
		used = spent.Spent
	}
	switch {
	case t.Cost > t.Limit-used:
		return latchkey.TakenPointsUsedUp, nil
	case spent == nil && len(s.points) >= l.room:
		return latchkey.TakenNothing, ErrFull
	}
	if !t.Stale.IsZero() {
		if taken, err := s.once(t, bucket, l.room); taken != latchkey.TakenAll {
			return taken, err
		}
	}
	if spent == nil {
		spent = &latchkey.Points{}
		s.points[string(t.Bucket)] = spent
	}
	*spent = latchkey.Points{Minute: s.minute, Spent: used + t.Cost}
	return latchkey.TakenAll, nil
}

// check refuses what no ledger can take.
func check(t latchkey.Take, window time.Duration) error {
	switch {
	case len(t.Bucket) == 0 || t.Cost < 1 || t.Now.IsZero():
		return ErrTake
	case t.Stale.Sub(t.Now) > 2*window+time.Second:
		return fmt.Errorf("%w: it ends in %v", ErrAhead, t.Stale.Sub(t.Now))
	}
	return nil
}

// turn forgets what is over: points when another calendar minute begins, and
// slots whose every signature is refused by its own timestamp by now.
func (s *localShard) turn(now time.Time) {
	if now.Unix() == s.second {
		return
	}
	s.second = now.Unix()
	// A clock that was set back a little must not fill the points up again; one
	// that was wrong by more must not keep them empty.
	if minute := now.Unix() / 60; minute > s.minute || minute < s.minute-1 {
		s.minute, s.points = minute, make(map[string]*latchkey.Points)
	}
	for number, held := range s.seen {
		if end := (number + 1) * slotWidth; end <= now.UnixNano() {
			s.floor = max(s.floor, end)
			s.count -= len(held)
			delete(s.seen, number)
		}
	}
}

// once takes the place of a signature. Messages over WebSocket are known by
// their text, which two keys may have in common: the bucket is part of the place.
func (s *localShard) once(t latchkey.Take, bucket uint64, room int) (latchkey.Taken, error) {
	mac, end := t.Once, t.Stale.UnixNano()
	binary.NativeEndian.PutUint64(mac[:], binary.NativeEndian.Uint64(mac[:])^bucket)
	if end < s.floor {
		return latchkey.TakenNothing, ErrClock
	}
	number := end / slotWidth
	held := s.seen[number]
	if s.before(held, mac, t.Anytime) {
		return latchkey.TakenSeenBefore, nil
	}
	if s.count >= room {
		return latchkey.TakenNothing, ErrFull
	}
	if held == nil {
		held = make(slot, len(s.seen[number-1])) // about as many as before it
		s.seen[number] = held
	}
	held[mac] = struct{}{}
	s.count++
	return latchkey.TakenAll, nil
}

// before reports whether a call was seen: in its own slot, or in any when equal
// calls may lie in different ones.
func (s *localShard) before(own slot, mac [32]byte, anytime bool) bool {
	_, before := own[mac]
	if before || !anytime {
		return before
	}
	for _, held := range s.seen {
		if _, before := held[mac]; before {
			return true
		}
	}
	return false
}
