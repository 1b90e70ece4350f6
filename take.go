package latchkey

import "time"

// Take asks for what one allowed call consumes: points and, when the call
// changes something, its place among the requests that were seen. The gateway's
// nodes share both (see internal/cluster), so the two planes share these words.
type Take struct {
	Bucket []byte    // whose points: the id of a key, or what stands for a public caller's address; only to be read
	Points *Points   // of the bucket, for a ledger in this process; nil: it finds them by the bucket
	Cost   int       // points of this call, at least 1
	Limit  int       // points of the bucket in a calendar minute
	Now    time.Time // when the call is judged; its calendar minute in UTC counts
	// Once is the raw MAC of a call that must not happen twice. It is remembered
	// until Stale, the first moment at which the call's own timestamp refuses
	// it. A zero Stale says that equal calls are legitimate.
	Once  [32]byte
	Stale time.Time
	// Anytime says that an equal call may have another Stale: the text of a
	// WebSocket message carries no timestamp. A signature covers its own.
	Anytime bool
}

// Points are what a bucket spent in one calendar minute. They belong to the
// ledger, which alone reads and writes them, and start as the zero value.
type Points struct {
	Minute int64 // Unix time in minutes
	Spent  int
}

// Taken says what became of a Take. The zero value took nothing and refuses.
type Taken uint8

// The outcomes. Only TakenAll consumed anything: points and place together.
const (
	TakenNothing Taken = iota // not decided
	TakenAll
	TakenPointsUsedUp
	TakenSeenBefore
)
