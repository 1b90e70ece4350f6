package verify

import (
	"fmt"
	"net/netip"
	"time"

	"latchkey"
)

// Reason says why a call was refused, or that it was allowed. The zero value is
// a decision that nobody made, and refuses.
type Reason uint8

// The reasons. One code, one reason.
const (
	Undecided Reason = iota
	Allowed
	Unauthorized
	TimestampOutOfRange
	KeyStateChanging
	KeyNotActivated
	IPNotAllowed
	PermissionMissing
	RateLimited
	Replayed
	Unavailable
)

// reasons holds what the wire says about each reason (docs/protocol.md). What
// is for the holder of the secret is told to nobody else: a thief who has only
// the id of a key learns nothing about it.
var reasons = [...]struct {
	code   string
	status int // of HTTP
	holder bool
}{
	Undecided:           {"unavailable", 503, false},
	Allowed:             {"allowed", 200, false},
	Unauthorized:        {"unauthorized", 401, false},
	TimestampOutOfRange: {"timestamp_out_of_range", 401, true},
	KeyStateChanging:    {"key_state_changing", 503, true},
	KeyNotActivated:     {"key_not_activated", 401, true},
	IPNotAllowed:        {"ip_not_allowed", 403, true},
	PermissionMissing:   {"permission_missing", 403, true},
	RateLimited:         {"rate_limited", 429, true},
	Replayed:            {"replayed", 409, true},
	Unavailable:         {"unavailable", 503, false},
}

func (r Reason) known() Reason {
	if int(r) >= len(reasons) {
		return Undecided
	}
	return r
}

// Code is the reason for programs, such as "permission_missing".
func (r Reason) Code() string { return reasons[r.known()].code }

// Status is the status of an HTTP answer.
func (r Reason) Status() int { return reasons[r.known()].status }

// String is Code, for tests and logs.
func (r Reason) String() string { return r.Code() }

// Verdict is the decision about one call, with what the answer, the log and the
// tally need. The zero value refuses.
type Verdict struct {
	Reason Reason
	At     time.Time
	Action *latchkey.Action
	Addr   netip.Addr    // as it was seen
	Skew   time.Duration // of the caller's clock; set with TimestampOutOfRange
	Window time.Duration

	entry *Entry // whose key was named; never nil after Check
	found bool   // the key exists
	told  bool   // the caller may learn the reason

	leased func() bool // see Config
}

// Allowed reports whether the call may go on.
func (v *Verdict) Allowed() bool { return v.Reason == Allowed }

// Caller returns the key that was allowed; nil for a refused or public call.
func (v *Verdict) Caller() *Entry {
	if !v.Allowed() || !v.found {
		return nil
	}
	return v.entry
}

// KeyID is the id of the key that the call named, if that key exists: for logs
// and for its owner, never for the answer.
func (v *Verdict) KeyID() string {
	if !v.found {
		return ""
	}
	return v.entry.KeyID()
}

// Current reports whether the key is still what the verdict was made from. It
// is asked again right before the call leaves for the exchange; a public call
// has no key that could change. So is the lease, before the key: a key that is
// still the same after the lease was seen was so while it was held. The other
// way round the lease could be a new one, with which the key was replaced.
func (v *Verdict) Current() bool {
	return v.entry == nil || v.leased() && !v.entry.replaced.Load()
}

// because returns the verdict with its reason. What only the holder may know
// becomes "unauthorized" for everybody else, whatever order the checks had.
func (v Verdict) because(r Reason) Verdict {
	if r = r.known(); reasons[r].holder && !v.told {
		r = Unauthorized
	}
	v.Reason = r
	return v
}

// refuse is because for a reason that is not Allowed.
func (v Verdict) refuse(r Reason) Verdict {
	if r == Allowed {
		r = Undecided
	}
	return v.because(r)
}

// RetryAfter is the number of whole seconds until the points are full again; 0
// for every other reason. It is at least 1, so that nobody comes back early.
func (v *Verdict) RetryAfter() int {
	if v.Reason != RateLimited {
		return 0
	}
	next := v.At.UTC().Truncate(time.Minute).Add(time.Minute)
	return int((next.Sub(v.At) + time.Second - 1) / time.Second)
}

// Text is what the caller is told: what was wrong, and what to do where that is
// not plain. Clients look for parts of these texts (docs/protocol.md).
func (v *Verdict) Text() string {
	switch v.Reason {
	case Allowed:
		return "allowed"
	case Unauthorized:
		return "Authorization Failed: API key not passed or incorrect"
	case TimestampOutOfRange:
		return fmt.Sprintf("Timestamp is not in %dsec range", int(v.Window/time.Second))
	case KeyStateChanging:
		return "The API key is being changed; the request was not executed, send it again in a moment"
	case KeyNotActivated:
		return "API key is not activated"
	case IPNotAllowed:
		return fmt.Sprintf("Address %s is not in the IP whitelist of this API key", v.Addr.Unmap())
	case PermissionMissing:
		return v.missing()
	case RateLimited:
		return "API rate limit reached"
	case Replayed:
		return "This request was received before and is not executed twice; sign it again with the current time if you mean a new one"
	}
	return "The request could not be checked and was not executed; send it again"
}

func (v *Verdict) missing() string {
	if v.Action == nil {
		return "This action needs a permission that the API key does not have"
	}
	return fmt.Sprintf("Permission %s is required for %s", v.Action.Permission, v.Action.Name)
}
