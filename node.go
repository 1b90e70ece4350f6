package latchkey

import "time"

// NodeState is whether a gateway node may serve.
type NodeState string

// The states of a node. A fenced one can renew its lease no more and ends by
// itself; when that time has passed it is gone.
const (
	NodeLive   NodeState = "live"
	NodeFenced NodeState = "fenced"
	NodeGone   NodeState = "gone"
)

// GatewayNode is one start of a gateway, as the database knows it.
type GatewayNode struct {
	ID        string // new at each start
	Name      string // as the operator calls it
	State     NodeState
	Applied   int64         // every change up to this revision is in force there
	Renewals  int64         // of its lease so far
	Lease     time.Duration // how long it serves without a renewal
	Alone     bool          // it remembers the requests that it saw by itself
	StartedAt time.Time
	LastSeen  time.Time // by the node's own clock: for people, never for a decision
}

// Revs is how far the changes of keys have come.
type Revs struct {
	Newest      int64 // one more with each change of a key
	Confirmed   int64 // up to here each node has applied it, or has stopped
	Incarnation int64 // one more after a restore from a backup
	// ReplayEpoch names the shared memory of seen requests that counts; what was
	// signed before ReplaySince may have been seen and forgotten.
	ReplayEpoch string
	ReplaySince time.Time
}

// KeyChange is a key as it became by a change, with its secret.
type KeyChange struct {
	Rev    int64
	Key    Key
	Secret Secret
}

// Renewal is what a node learns when it renews its lease.
type Renewal struct {
	Revs
	Changes []KeyChange // since the revision that it has applied, in their order
	Nodes   int         // that are not gone, this one counted
}
