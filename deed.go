package latchkey

import "time"

// Deed is everything that one change writes: all of it in one transaction, or
// nothing. No record, no deed: the activity is always part of it.
type Deed struct {
	At time.Time
	// Pending is what was confirmed. It must still be open, with the same
	// number of sends and the same digest, else nothing happens: that makes a
	// code count once, and a resend kill the code before it.
	Pending *Pending
	// Key is written as it stands here. KeyFrom is the version that it
	// replaces; 0 inserts a new key with Secret.
	Key      *Key
	KeyFrom  int64
	Secret   Secret
	KeysMost int // with a new key: the most that the account may have
	// UsedFactor proves. With TOTPStep > 0 the step must be later than the
	// last accepted one, so that a code works once (RFC 6238, 5.2). The counter
	// of a passkey stands in its place: a copy of it is found out.
	UsedFactor string
	TOTPStep   int64
	// UsedRecovery is the hash of a recovery code that must still be unused.
	UsedRecovery string
	// AddFactor enrols, with its seed, number or credential, and TOTPStep as its
	// last accepted step; RemoveFactor removes.
	AddFactor    *Factor
	FactorSecret Secret
	RemoveFactor string
	// RecoveryHashes replace all recovery codes of RecoveryOf when not nil.
	RecoveryOf     string
	RecoveryHashes []string
	// FullSession finishes a sign-in: the session becomes full under a new
	// token, and lives until SessionEnds.
	FullSession string
	TokenHash   string
	SessionEnds time.Time
	// Next is a pending that follows from this one.
	Next        *Pending
	NextLetters []Letter
	// Refund gives back the evaluation that was charged to this bucket.
	Refund   *Bucket
	Activity Activity
	Letters  []Letter // a notice gets the number of Activity
}

// Opening is a pending that begins.
type Opening struct {
	Pending  Pending
	Activity Activity
	Letters  []Letter
	// Idempotency makes a repeated request find the pending that the first one
	// opened: same member, same IdempotencyKey. IdempotencyDigest tells a
	// repetition from another request under the same key.
	IdempotencyKey    string
	IdempotencyDigest string
}

// Bucket counts something within one window of time, across restarts and
// processes.
type Bucket struct {
	Name   string    // "wrong_code:acc_..."
	Window time.Time // start of the window
	Limit  int
}

// Charge asks for one evaluation of a code.
type Charge struct {
	PendingID string
	MemberID  string
	SessionID string
	Now       time.Time
	Limits    Limits
	Bucket    Bucket
}

// Facts are what a message is made from at the moment it is sent.
type Facts struct {
	Account  Account
	Member   Member
	Pending  Pending  // of a code
	Phone    string   // of a code by SMS
	Activity Activity // of a notice
	Link     Link     // of a reset
}
