package verify

import (
	"latchkey"
	"latchkey/signature"
)

// Check is one check, for tests that switch it off.
type Check = check

// The checks in their order.
const (
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
func (c *Checker) SetStranger(secret latchkey.Secret) { c.stranger.secret = newMidstate(secret) }

// ValidREST computes a MAC as the checker does.
func ValidREST(secret latchkey.Secret, r signature.REST) bool {
	m := newMidstate(secret)
	return newHasher().matches(&m, &r.Signature, r.Action, r.Timestamp, r.Body)
}

// ForgedREST puts the MAC into r that a midstate without a secret gives, and
// reports whether that midstate takes it.
func ForgedREST(r signature.REST) bool {
	h := newHasher()
	h.matches(&midstate{}, &r.Signature, r.Action, r.Timestamp, r.Body)
	r.Signature = h.sum
	return h.matches(&midstate{}, &r.Signature, r.Action, r.Timestamp, r.Body)
}

// Bounds of the tally.
const (
	CallsOfHolder   = callsOfHolder
	CallsOfStranger = callsOfStranger
	KeysOfShard     = keysOfShard
)
