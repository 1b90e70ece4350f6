// Package verify decides about the calls of the data plane: it turns a signed
// request, the table of keys and a clock into a verdict. It knows no HTTP and
// no SQL. Nothing here fails open: the zero value of every answer refuses.
package verify

import (
	"context"
	"net/netip"
	"time"

	"latchkey"
	"latchkey/signature"
)

// Ledger remembers what was consumed. Take does all of it or nothing: points
// and place in one step, so that a refused call costs nothing and two equal
// calls at the same moment cannot both win. An error means that the outcome is
// unknown, and refuses.
type Ledger interface {
	Take(ctx context.Context, take latchkey.Take) (latchkey.Taken, error)
}

// Config is what a Checker needs. All fields but Start and Leased are required.
type Config struct {
	Table        *Table
	Ledger       Ledger
	Window       time.Duration // how far a timestamp may lie from the clock, either way
	Points       int           // of a key and calendar minute
	PublicPoints int           // of an address and calendar minute
	Now          func() time.Time
	// Start is when the ledger began to remember; zero says that it always did.
	// What was signed before may have been seen by the process before this one.
	Start time.Time
	// Leased reports whether this node may still decide about keys: whether it
	// has all changes that were acknowledged. Nil: it is the only one, and has.
	Leased func() bool
}

// Checker makes verdicts. It is safe for use from many goroutines and shares no
// lock between requests of different keys.
type Checker struct {
	Config
	// strangers take the places of keys that do not exist: many, so that one that
	// was asked for before is in the cache, and another is not, as with keys.
	strangers [1024]*Entry
	hashers   hasherPool
	off       check // checks that a test switched off; 0 outside of tests
}

// New returns a Checker.
func New(c Config) *Checker {
	if c.Leased == nil {
		c.Leased = func() bool { return true }
	}
	checker, secret := &Checker{Config: c}, newMidstate(latchkey.NewSecret())
	for i := range checker.strangers {
		checker.strangers[i] = &Entry{facts: nameless(latchkey.NewKeyID())}
		checker.strangers[i].secret = secret
	}
	return checker
}

// Request is one signed call over REST as the gateway read it.
type Request struct {
	Signed    signature.REST
	Malformed bool             // ParseREST refused the headers; Signed is empty
	Action    *latchkey.Action // from the catalog; nil refuses
	Addr      netip.Addr       // of the client, not of a proxy
}

// Check decides about a signed call. The first check that refuses speaks, in
// the order of docs/protocol.md; what stands behind it is not looked at, but
// for the MAC, which is computed also for a key that does not exist: else the
// time taken would tell which keys do (CWE-208). Points and place in the replay
// set are taken last, and only by a call that every other check allows.
func (c *Checker) Check(ctx context.Context, r Request) Verdict {
	now := c.Now()
	entry, found, masked := c.entry(r.Signed.Key)
	genuine := c.genuine(entry, &r.Signed)
	v := Verdict{At: now, Action: r.Action, Addr: r.Addr, Window: c.Window, entry: entry, found: found, leased: c.Leased}
	v.told = found && genuine
	switch {
	case c.on(checkLeased) && !c.Leased():
		return v.refuse(Unavailable)
	case masked:
		return v.refuse(Unavailable) // another node may still know the key
	case c.on(checkKnown) && !(found && !r.Malformed):
		return v.refuse(Unauthorized)
	case c.on(checkAuthentic) && !genuine:
		return v.refuse(Unauthorized)
	case c.on(checkFresh) && !fresh(r.Signed.Time(), now, c.Window):
		v.Skew = r.Signed.Time().Sub(now)
		return v.refuse(TimestampOutOfRange)
	case c.on(checkSettled) && !settled(entry):
		return v.refuse(KeyStateChanging)
	case c.on(checkActive) && !active(entry):
		return v.refuse(KeyNotActivated)
	case c.on(checkOrigin) && !origin(entry, r.Addr):
		return v.refuse(IPNotAllowed)
	case c.on(checkPermitted) && !permitted(entry, r.Action):
		return v.refuse(PermissionMissing)
	}
	return v.because(c.take(ctx, c.price(&v, &r.Signed)))
}

// Permit decides about a public call: nobody signs it, so all that counts is
// how much the address asked for in this calendar minute.
func (c *Checker) Permit(ctx context.Context, action *latchkey.Action, addr netip.Addr) Verdict {
	v := Verdict{At: c.Now(), Action: action, Addr: addr, Window: c.Window, told: true}
	if action == nil || !action.Public() || !addr.IsValid() {
		return v.refuse(Unavailable)
	}
	limit := c.PublicPoints
	if !c.on(checkPaced) {
		limit = unlimited
	}
	return v.because(c.take(ctx, latchkey.Take{Bucket: addressBucket(addr), Cost: action.PublicCost, Limit: limit, Now: v.At}))
}

// entry finds the key. A deleted key is an unknown key, and so is one whose
// secret never arrived. Masked is a key whose secret is not known here, as when
// it was deleted before this process began, while another node may still know it.
func (c *Checker) entry(keyID []byte) (entry *Entry, found, masked bool) {
	e, stranger := c.Table.lookup(keyID)
	switch {
	case e == nil:
		return c.strangers[stranger%uint64(len(c.strangers))], false, false
	case known(e):
		return e, true, false
	}
	return c.strangers[stranger%uint64(len(c.strangers))], false, e.masked && !e.secret.set
}

// price is what an allowed call consumes. A call that changes something is
// remembered as long as its timestamp is fresh, which for one from the future
// is longer than the window.
func (c *Checker) price(v *Verdict, signed *signature.REST) latchkey.Take {
	take := latchkey.Take{Bucket: v.entry.keyID(), Points: &v.entry.count().points, Limit: c.Points, Now: v.At}
	if v.Action != nil {
		take.Cost = v.Action.Cost
	}
	if !c.on(checkPaced) {
		take.Limit = unlimited
	}
	if v.Action != nil && v.Action.Mutating && c.on(checkUnused) {
		take.Once = signed.Signature
		take.Stale = signed.Time().Add(c.Window + 1)
	}
	return take
}

// take asks the ledger and translates its answer; whatever is not a clear yes
// refuses.
func (c *Checker) take(ctx context.Context, take latchkey.Take) Reason {
	taken, err := c.Ledger.Take(ctx, take)
	switch {
	case err != nil:
		return Unavailable
	case taken == latchkey.TakenAll:
		return Allowed
	case taken == latchkey.TakenPointsUsedUp:
		return RateLimited
	case taken == latchkey.TakenSeenBefore:
		return Replayed
	}
	return Unavailable
}
