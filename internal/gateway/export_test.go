package gateway

import "net"

// Guards that a test switches off.
const (
	GuardBytes = guardBytes
	GuardTrust = guardTrust
	GuardJSON  = guardJSON
	GuardEach  = guardEach
	GuardEnd   = guardEnd
)

// Off switches guards off.
func (g *Gateway) Off(off guards) {
	g.off = off
	g.Sessions.deaf = !g.on(guardEnd)
}

// Accept reports whether the guard lets the first request of b pass, and how
// many of its bytes are header and body.
func Accept(b []byte, maxHeader, maxBody int) (head, body int, ok bool) {
	scanned := 0
	size, no := endOfHead(b, &scanned)
	if no != nil || size == 0 || size > maxHeader {
		return 0, 0, false
	}
	body, _, no = checkHead(b[:size], maxBody)
	return size, body, no == nil
}

// Suspicious makes the gateway look at a connection to the exchange before
// every request, however short it was idle.
func (g *Gateway) Suspicious() { g.upstream.idle = -1 }

// Trusting makes it never look.
func (g *Gateway) Trusting() { g.upstream.idle = 1 << 62 }

// Held is how many bytes of large requests are in memory.
func (g *Gateway) Held() int { return int(g.held.Load()) }

// Guarded puts the guard on a connection; pass ends its work.
func (g *Gateway) Guarded(c net.Conn) (guarded net.Conn, pass func()) {
	gc := &guardConn{Conn: c, g: g}
	return gc, gc.passAll
}
