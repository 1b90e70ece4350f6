package verify

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"time"

	"latchkey"
	"latchkey/signature"
)

// Logon is one auth message over WebSocket as the gateway read it.
type Logon struct {
	Signed    signature.WS
	Malformed bool       // ParseWS refused it; Signed is empty
	Addr      netip.Addr // of the client, not of a proxy
}

// Session is a logon that was allowed. It holds no right by itself: every
// message is judged by what the key is at that moment.
type Session struct {
	KeyID     string
	AccountID string
	// Permissions of the key at the logon: they cannot change while the session
	// holds.
	Permissions latchkey.Permissions

	addr    netip.Addr
	version int64     // of the key at the logon
	repeat  time.Time // until then the same logon could be sent again
}

// Logon decides about an auth message, by the checks of a call that come before
// the action's. A logon changes nothing and costs nothing, and the exchange
// lets it be repeated inside its window, since clients with whole seconds open
// several sessions in one. The session is nil unless the verdict allows it.
func (c *Checker) Logon(r Logon) (Verdict, *Session) {
	now := c.Now()
	entry, found, masked := c.entry(r.Signed.Key)
	h := c.hashers.get()
	genuine := h.matches(&entry.secret, &r.Signed.Signature, r.Signed.Timestamp, r.Signed.Key, nil)
	c.hashers.put(h)
	v := Verdict{At: now, Addr: r.Addr, Window: c.Window, entry: entry, found: found, told: found && genuine, leased: c.Leased}
	switch {
	case c.on(checkLeased) && !c.Leased():
		return v.refuse(Unavailable), nil
	case masked:
		return v.refuse(Unavailable), nil
	case c.on(checkKnown) && !(found && !r.Malformed):
		return v.refuse(Unauthorized), nil
	case c.on(checkAuthentic) && !genuine:
		return v.refuse(Unauthorized), nil
	case c.on(checkFresh) && !fresh(r.Signed.Time(), now, c.Window):
		v.Skew = r.Signed.Time().Sub(now)
		return v.refuse(TimestampOutOfRange), nil
	case c.on(checkSettled) && !settled(entry):
		return v.refuse(KeyStateChanging), nil
	case c.on(checkActive) && !active(entry):
		return v.refuse(KeyNotActivated), nil
	case c.on(checkOrigin) && !origin(entry, r.Addr):
		return v.refuse(IPNotAllowed), nil
	// Its messages may be a replay of what the ledger never saw. Timestamps may
	// be whole seconds, so the second of the start counts as after it.
	case c.on(checkUnused) && r.Signed.Time().Before(c.Start.Truncate(time.Second)):
		return v.refuse(Unavailable), nil
	}
	return v.because(Allowed), &Session{
		KeyID: entry.KeyID(), AccountID: entry.AccountID(), Permissions: entry.permissions, addr: r.Addr,
		version: entry.version, repeat: r.Signed.Time().Add(c.Window + 1),
	}
}

// Message is one call inside a session, as it was received.
type Message struct {
	Action *latchkey.Action // from the catalog; nil refuses
	Text   []byte           // the whole message
}

// Message decides about one call inside a session, as if it had been signed by
// itself: the key is looked up again, and one that is not the one of the logon
// any more refuses. Points are those of REST, too.
//
// A message is not signed, so what must not happen twice is known by its text,
// oid and all, byte for byte, over all sessions of the key. It is remembered
// for a window, and in any case for as long as the logon of the session could
// be repeated, so that a session that somebody recorded and plays again changes
// nothing.
func (c *Checker) Message(ctx context.Context, s *Session, m Message) Verdict {
	entry, found, _ := c.entry([]byte(s.KeyID))
	v := Verdict{At: c.Now(), Action: m.Action, Addr: s.addr, Window: c.Window, entry: entry, found: found, told: found, leased: c.Leased}
	switch {
	case c.on(checkLeased) && !c.Leased():
		return v.refuse(Unavailable)
	case c.on(checkKnown) && !found:
		return v.refuse(Unauthorized)
	case c.on(checkSettled) && !(settled(entry) && entry.version == s.version):
		return v.refuse(KeyStateChanging)
	case c.on(checkActive) && !active(entry):
		return v.refuse(KeyNotActivated)
	case c.on(checkOrigin) && !origin(entry, s.addr):
		return v.refuse(IPNotAllowed)
	case c.on(checkPermitted) && !permitted(entry, m.Action):
		return v.refuse(PermissionMissing)
	}
	take := latchkey.Take{Bucket: entry.keyID(), Points: &entry.count().points, Limit: c.Points, Now: v.At}
	if m.Action != nil {
		take.Cost = m.Action.Cost
	}
	if !c.on(checkPaced) {
		take.Limit = unlimited
	}
	if m.Action != nil && m.Action.Mutating && c.on(checkUnused) {
		take.Once, take.Anytime = m.content(entry.keyID()), true
		take.Stale = later(v.At.Add(c.Window+1), s.repeat)
	}
	return v.because(c.take(ctx, take))
}

// Holds reports whether the key of a session is still the one of its logon. A
// key whose state is in doubt lets no message pass, but ends no session.
func (t *Table) Holds(s *Session) bool { return t.bears([]byte(s.KeyID), s.version) }

// Bears reports the same of a call that was allowed by an entry.
func (t *Table) Bears(e *Entry) bool { return t.bears(e.keyID(), e.version) }

func (t *Table) bears(keyID []byte, version int64) bool {
	e := t.Lookup(keyID)
	return e != nil && known(e) && active(e) && e.version == version
}

// content names a message of a key among what must not happen twice. Two keys
// may well send the same text. What REST remembers there is MACs; the word in
// front keeps the two apart.
func (m *Message) content(keyID []byte) [sha256.Size]byte {
	h := sha256.New()
	// hash.Hash promises that Write never fails.
	h.Write([]byte("websocket\x00"))
	h.Write(keyID)
	h.Write([]byte{0})
	h.Write(m.Text)
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return sum
}
