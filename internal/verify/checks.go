package verify

import (
	"math"
	"net/netip"
	"time"

	"latchkey"
	"latchkey/signature"
)

// check names one check, so that a test can switch it off and show that it
// matters. No code outside of tests sets one.
type check uint16

const (
	checkLeased check = 1 << iota
	checkKnown
	checkAuthentic
	checkFresh
	checkSettled
	checkActive
	checkOrigin
	checkPermitted
	checkPaced
	checkUnused
)

// unlimited is the limit while the check of the points is switched off.
const unlimited = math.MaxInt

func (c *Checker) on(which check) bool { return c.off&which == 0 }

// known reports whether the key exists, with the secret that it needs. A deleted
// one does as long as another node may not have heard of it: until then nobody
// is told either way.
func known(e *Entry) bool { return e.secret.set && (!e.deleted || e.masked) }

// genuine reports whether the holder of the secret signed exactly this call.
// Raw MACs are compared, in constant time.
func (c *Checker) genuine(e *Entry, s *signature.REST) bool {
	h := c.hashers.get()
	defer c.hashers.put(h)
	return h.matches(&e.secret, &s.Signature, s.Action, s.Timestamp, s.Body)
}

// fresh reports whether a timestamp lies within the window of the clock, its
// ends included. A malformed one is the zero time, which no window reaches.
func fresh(signed, now time.Time, window time.Duration) bool {
	age := now.Sub(signed)
	return age <= window && age >= -window
}

// settled is false while the outcome of a change of the key is not known, or
// the change is not in force on every node yet.
func settled(e *Entry) bool { return !e.held && !e.masked }

// active reports whether the owner switched the key on.
func active(e *Entry) bool { return e.active && !e.deleted }

// origin reports whether the key's allowlist has the address.
func origin(e *Entry, addr netip.Addr) bool { return e.origins().contain(addr) }

// permitted reports whether the key carries the one permission that the action
// requires. An action that requires none is a fault of the catalog and refuses.
func permitted(e *Entry, a *latchkey.Action) bool {
	return a != nil && e.permissions.Has(a.Permission)
}

// addressBucket names the points of a public caller. Somebody with IPv6 has a
// /64 at least, so that is what counts as one caller.
func addressBucket(addr netip.Addr) []byte {
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.AppendTo([]byte("ip:"))
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return addr.AppendTo([]byte("ip:"))
	}
	return prefix.AppendTo([]byte("ip:"))
}
