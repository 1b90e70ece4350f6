package cluster

import (
	"sync/atomic"

	"latchkey"
)

// standing is what one node knows and may do: the part of a Member that
// decides. It has no clock and no database, so that a test can walk through
// everything that may happen to it.
type standing struct {
	lease       atomic.Pointer[lease] // read for every call, without a lock
	applied     int64                 // every change up to here is in force at this node
	incarnation int64
	masked      map[string]int64                 // keys, by the revision that must be confirmed
	hinted      map[string]hint                  // keys that are masked for a change that was announced and not read yet
	asked       uint64                           // how often was asked for the lease
	known       atomic.Pointer[latchkey.Renewal] // the newest answer, for its epoch and its nodes
}

// hint is a change that was announced.
type hint struct {
	rev   int64
	asked uint64 // the node's newest question when the hint came
}

// told is what the database answered to a renewal.
type told struct {
	latchkey.Renewal
	lease lease  // counted from before the renewal was sent
	asked uint64 // the number of the question
}

// intake is the order in which a node takes an answer in. Calls are decided
// between any two of its steps.
var intake = [...]func(*standing, *told, Masker){
	(*standing).mask, (*standing).put, (*standing).extend, (*standing).unmask,
}

// follows reports whether an answer is of the database that this node knows,
// and not of an older state of it.
func (s *standing) follows(r latchkey.Renewal) bool {
	return r.Incarnation == s.incarnation && r.Newest >= s.applied
}

// mask refuses keys whose change is not in force everywhere yet, before the
// change of any of them can be seen here.
func (s *standing) mask(t *told, table Masker) {
	for _, c := range t.Changes {
		if c.Rev > t.Confirmed {
			s.masked[c.Key.ID] = c.Rev
			table.Mask(c.Key.ID)
		}
	}
}

// put brings changes into force. The revision was read before the changes, so
// they hold everything up to it; what they hold beyond it is reported only when
// a later answer knows of it, together with all else that it brought.
func (s *standing) put(t *told, table Masker) {
	for _, c := range t.Changes {
		table.Put(c.Key, c.Secret)
	}
	s.applied = t.Newest
	s.known.Store(&latchkey.Renewal{Revs: t.Revs, Nodes: t.Nodes})
}

// extend comes after put: until every change was applied the old lease counts.
func (s *standing) extend(t *told, _ Masker) {
	if old := s.lease.Load(); old == nil || t.lease.end > old.end {
		s.lease.Store(&t.lease)
	}
}

// announced masks a key at once when another process says that it was changed:
// sooner than the change can be read, and than it could be reported. Nothing
// rests on it. A hint may be lost, or be of a change that a failover lost.
func (s *standing) announced(keyID string, rev int64, table Masker) {
	if rev <= max(s.applied, s.hinted[keyID].rev) {
		return // what is applied is masked for as long as it must be
	}
	s.hinted[keyID] = hint{rev, s.asked}
	table.Mask(keyID)
}

// unmask decides about keys again whose change is in force everywhere. Hints
// end with the answer that knows of their change, or should: it was asked for
// after the hint.
func (s *standing) unmask(t *told, table Masker) {
	for keyID, h := range s.hinted {
		if h.rev <= t.Newest || h.asked < t.asked {
			delete(s.hinted, keyID)
			s.show(keyID, table)
		}
	}
	s.confirmed(t.Confirmed, table)
}

func (s *standing) confirmed(rev int64, table Masker) {
	for keyID, needs := range s.masked {
		if needs <= rev {
			delete(s.masked, keyID)
			s.show(keyID, table)
		}
	}
}

// show ends a mask, unless there is another reason for it.
func (s *standing) show(keyID string, table Masker) {
	_, needed := s.masked[keyID]
	if _, announced := s.hinted[keyID]; !needed && !announced {
		table.Unmask(keyID)
	}
}
