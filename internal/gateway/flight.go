package gateway

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/identity"
	"latchkey/internal/verify"
)

// errCut ends what a change of the key has cut off.
var errCut = errors.New("the key changed while the call was on its way")

// flight is one call over REST from its verdict on until its answer has passed.
// A change of its key cuts it off: what has not left stays, and what has left is
// told the client as unknown.
type flight struct {
	id      string
	verdict *verify.Verdict
	caller  *verify.Entry // nil: a public call, which no change concerns
	passes  bool          // its answer is long, and outlives the handler

	mu     sync.Mutex
	conn   *upstreamConn // from right before the first byte on; not taken back
	client *guardConn    // that a long answer passes to
	cut    bool
	done   chan struct{} // closed when it is over; nil until somebody waits
	over   bool
}

// leave puts the flight on a connection, if the key is still what its verdict
// was made from. From here on a change finds it there.
func (f *flight) leave(c *upstreamConn) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cut || !f.verdict.Current() {
		return errChanged
	}
	f.conn = c
	return nil
}

// passTo notes to whom a long answer goes, unless it is cut off already.
func (f *flight) passTo(client *guardConn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.client = client
	return !f.cut
}

// sever cuts the flight off, and returns what is closed at its end; nil when it
// has not left, and so never will, or is over. First says that nobody did before.
func (f *flight) sever() (done <-chan struct{}, first bool) {
	f.mu.Lock()
	first, f.cut = !f.cut, true
	conn, client := f.conn, f.client
	if conn != nil && f.done == nil && !f.over {
		f.done = make(chan struct{})
	}
	done = f.done
	f.mu.Unlock()
	// Neither of them waits for anybody.
	if conn != nil {
		conn.sever(f)
	}
	if client != nil {
		client.sever()
	}
	return done, first
}

// end is the last that is heard of the flight.
func (f *flight) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done != nil && !f.over {
		close(f.done)
	}
	f.over = true
}

// state says whether the flight was cut off, and whether a byte may have left.
func (f *flight) state() (cut, left bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cut, f.conn != nil
}

const flightShards = 256

// flights are all calls over REST that are on their way, by their ids: those are
// random, so calls share a lock by chance only. A change of a key, which is
// seldom, looks through all of them.
type flights struct {
	shards [flightShards]flightShard
	cut    atomic.Int64 // how many were cut off after they had left
}

// flightShard is a list: of 8192 calls at once it holds 32, and to go through
// those is no more than a look into a map.
type flightShard struct {
	sync.Mutex
	list []*flight
	_    [64]byte // keeps neighbours' locks off one cache line
}

// at returns the place of a call in the list, which is locked; -1 when it is over.
func at[ID string | []byte](s *flightShard, id ID) int {
	for i, f := range s.list {
		if f.id == string(id) {
			return i
		}
	}
	return -1
}

// shardOf is that of an id, by its last two characters, of 32 each.
func shardOf[ID string | []byte](x *flights, id ID) *flightShard {
	n := len(id)
	if n < 2 {
		return &x.shards[0]
	}
	return &x.shards[(uint(id[n-2])<<3^uint(id[n-1]))%flightShards]
}

func (x *flights) add(f *flight) {
	s := shardOf(x, f.id)
	s.Lock()
	defer s.Unlock()
	s.list = append(s.list, f)
}

func (x *flights) remove(f *flight) {
	s := shardOf(x, f.id)
	s.Lock()
	if i, last := at(s, f.id), len(s.list)-1; i >= 0 {
		s.list[i], s.list[last] = s.list[last], nil
		s.list = s.list[:last]
	}
	s.Unlock()
	f.end()
}

var idLine = []byte("\r\n" + identity.RequestIDHeader + ": ")

// find returns whose first bytes these are. The library hands a connection bytes
// and no request; the first write of a request holds the whole header, in which
// nothing of the client's can break a line. What is not found may not leave.
func (x *flights) find(request []byte) *flight {
	_, rest, _ := bytes.Cut(request, idLine)
	id, _, _ := bytes.Cut(rest, []byte("\r"))
	s := shardOf(x, id)
	s.Lock()
	defer s.Unlock()
	if i := at(s, id); i >= 0 {
		return s.list[i]
	}
	return nil
}

// severed cuts off the calls of a key that the table does not bear any more,
// and returns what is closed when they are over.
func (x *flights) severed(keyID string, table *verify.Table) (left []<-chan struct{}) {
	for _, f := range x.of(keyID) {
		if table.Bears(f.caller) {
			continue
		}
		done, first := f.sever()
		if done == nil {
			continue
		}
		if left = append(left, done); first {
			x.cut.Add(1)
		}
	}
	return left
}

// of returns the calls of a key.
func (x *flights) of(keyID string) (of []*flight) {
	for i := range x.shards {
		s := &x.shards[i]
		s.Lock()
		for _, f := range s.list {
			if f.caller != nil && f.caller.KeyID() == keyID {
				of = append(of, f)
			}
		}
		s.Unlock()
	}
	return of
}

// drainTime is how long a change waits for what it has cut off. Nothing of it
// can reach the exchange any more, so this only bounds a fault.
const drainTime = time.Second

// drain waits until calls that were cut off are over.
func drain(left []<-chan struct{}) {
	if len(left) == 0 {
		return
	}
	late := time.NewTimer(drainTime)
	defer late.Stop()
	for _, done := range left {
		select {
		case <-done:
		case <-late.C:
			return
		}
	}
}
