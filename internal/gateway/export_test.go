package gateway

import (
	"net"
	"time"
)

// Guards that a test switches off.
const (
	GuardBytes = guardBytes
	GuardTrust = guardTrust
	GuardJSON  = guardJSON
	GuardEach  = guardEach
	GuardEnd   = guardEnd
	GuardCut   = guardCut
	GuardPause = guardPause
)

// Off switches guards off.
func (g *Gateway) Off(off guards) {
	g.off = off
	g.Sessions.deaf, g.Sessions.blind = !g.on(guardEnd), !g.on(guardCut)
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

// Forwards gives the gateway connections to an exchange that is none.
func (g *Gateway) Forwards(dial func() net.Conn) {
	u := g.upstream
	u.client.Dial = func(string) (net.Conn, error) {
		return &upstreamConn{Conn: dial(), timeout: u.timeout, idle: 1 << 62, flights: u.flights, clock: time.Now()}, nil
	}
}

// ServeOne serves one connection.
func (g *Gateway) ServeOne(c net.Conn) error { return g.server.ServeConn(&guardConn{Conn: c, g: g}) }

// Answering returns a connection to an exchange whose answer has begun.
func Answering(conn net.Conn, timeout time.Duration) net.Conn {
	return &upstreamConn{Conn: conn, timeout: timeout, clock: time.Now(), answered: true}
}

// Held is how many bytes of large requests are in memory.
func (g *Gateway) Held() int { return int(g.held.Load()) }

// Guarded puts the guard on a connection; pass ends its work.
func (g *Gateway) Guarded(c net.Conn) (guarded net.Conn, pass func()) {
	gc := &guardConn{Conn: c, g: g}
	return gc, gc.passAll
}

// Flying returns how many calls of a key have no answer yet.
func (x *Sessions) Flying(keyID string) int {
	return x.flying(keyID, func(*flight) bool { return true })
}

// Left returns how many of them have begun to leave.
func (x *Sessions) Left(keyID string) int {
	return x.flying(keyID, func(f *flight) bool { _, left := f.state(); return left })
}

// Outlived returns how many have begun to leave by a version that is over.
func (x *Sessions) Outlived(keyID string) int {
	return x.flying(keyID, func(f *flight) bool { _, left := f.state(); return left && !x.table.Bears(f.caller) })
}

func (x *Sessions) flying(keyID string, is func(*flight) bool) (n int) {
	for _, f := range x.flights.of(keyID) {
		if is(f) {
			n++
		}
	}
	return n
}
