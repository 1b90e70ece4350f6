package gateway

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// guarded is a listener whose connections are guarded.
type guarded struct {
	net.Listener
	g *Gateway
}

// Accept returns a guarded connection.
func (l *guarded) Accept() (net.Conn, error) {
	c, place, err := l.g.accept(l.Listener)
	if err != nil {
		return nil, err
	}
	return &guardConn{Conn: c, g: l.g, place: place, raw: !l.g.on(guardBytes)}, nil
}

// guardConn stands between the connection (after TLS) and the HTTP parser. It
// reads the header of each request itself, checks it byte by byte, and hands on
// exactly that header and the body that it announces; the next request is
// looked at when the parser asks for more, by when the answer to this one has
// been sent. So guard and parser can never disagree about where a request ends
// (request smuggling, CWE-444). It also keeps the clocks of slow clients.
//
// Reads and writes come from one goroutine, as the server makes them.
type guardConn struct {
	net.Conn
	g       *Gateway
	place   *place // among the open connections
	buf     []byte // what was read and not handed on yet
	left    int    // bytes of the current request that are not handed on yet
	used    bool   // a request was handed on before
	refused bool   // answered and closed by the guard
	raw     bool   // see passAll

	held   atomic.Int64 // bytes of the current request beyond MaxHeader
	ending atomic.Bool  // a session on it ends; see session.part
	broken atomic.Bool  // nothing more is sent on it; see sever

	due, armed time.Time // when a session's client was silent for too long, and the timer; see until
	taken      time.Time // when it has to have taken what is written
	readBy     time.Time // when it has to have sent; of requests
}

// Read hands on the current request, or waits for the next.
func (c *guardConn) Read(p []byte) (int, error) {
	switch {
	case c.refused:
		return 0, io.EOF
	case c.raw && len(c.buf) == 0:
		return c.listen(p)
	case c.raw:
		c.left = len(c.buf)
	case c.left == 0:
		if no := c.next(); no != nil {
			return 0, c.refuse(no)
		}
		if c.left == 0 {
			return 0, io.EOF
		}
	}
	// Never a byte of the next request: the parser must come back for it.
	p = p[:min(len(p), c.left)]
	var n int
	var err error
	if len(c.buf) > 0 {
		n = copy(p, c.buf)
		c.buf = c.buf[:copy(c.buf, c.buf[n:])]
		if len(c.buf) == 0 && (c.raw || cap(c.buf) > c.g.MaxHeader) {
			c.buf = nil // an idle connection keeps no room for a large body, a session none at all
		}
	} else {
		n, err = c.Conn.Read(p)
	}
	c.left -= n
	return n, err
}

// passAll ends the guard's work on this connection: it was upgraded to another
// protocol (RFC 9110, 7.8), and all further bytes belong to that one. Whoever
// accepts an upgrade calls it before the first read of the new protocol.
func (c *guardConn) passAll() {
	c.raw = true
	if len(c.buf) == 0 {
		c.buf = nil // the room for the header: sessions are many, and idle
	}
}

// next reads the header of a request. Without a refusal, left is 0 when the
// client is gone.
func (c *guardConn) next() *refusal {
	c.release()
	if len(c.buf) == 0 {
		wait := c.g.IdleTimeout
		if !c.used {
			wait = c.g.HeadTimeout // also for the handshake of TLS
		}
		c.within(wait)
	} else {
		c.within(c.g.HeadTimeout)
	}
	scanned, begun := 0, len(c.buf) > 0
	for {
		size, no := endOfHead(c.buf, &scanned)
		switch {
		case no != nil:
			return no
		case size > c.g.MaxHeader || size == 0 && len(c.buf) >= c.g.MaxHeader:
			return noHeadRoom
		case size > 0:
			return c.begin(size)
		case len(c.buf) > 0 && !begun:
			// From here on the whole header has to arrive, however slowly.
			c.within(c.g.HeadTimeout)
			begun = true
		}
		if more, no := c.more(c.g.MaxHeader, noHeadTime); no != nil || !more {
			return no
		}
	}
}

// begin checks a complete header, waits for the body and lets the request pass.
// The parser makes room for the whole body as soon as it sees the header, so
// that 75 bytes would cost a megabyte (CWE-789); it sees the header when the
// body has arrived.
func (c *guardConn) begin(size int) *refusal {
	body, waits, no := checkHead(c.buf[:size], c.g.MaxBody)
	if no != nil {
		return no
	}
	whole := size + body
	if whole > len(c.buf) {
		c.within(c.g.BodyTimeout)
	}
	if waits {
		// The parser asks for this body, and so it must see the header now.
		if !c.hold(whole) {
			return noBodyNow
		}
	} else {
		for len(c.buf) < whole {
			if more, no := c.more(whole, noBodyTime); no != nil || !more {
				return no
			}
		}
	}
	c.left, c.used = whole, true
	return nil
}

// hold counts a request of so many bytes among those that are in memory, if
// there is room. Up to MaxHeader it needs none, so orders always pass.
func (c *guardConn) hold(size int) bool {
	more := int64(size-c.g.MaxHeader) - c.held.Load()
	if more <= 0 {
		return true
	}
	if c.g.held.Add(more) > int64(c.g.MaxHeld) {
		c.g.held.Add(-more)
		return false
	}
	c.held.Add(more)
	return true
}

// release gives the room back.
func (c *guardConn) release() {
	if held := c.held.Swap(0); held > 0 { // seldom: all connections share the sum
		c.g.held.Add(-held)
	}
}

// more reads further bytes of a request, up to a limit; late is the refusal
// when they do not come in time. False says that the client is gone and that
// there is nothing to answer.
func (c *guardConn) more(limit int, late *refusal) (bool, *refusal) {
	if len(c.buf) == cap(c.buf) {
		size := min(max(2*cap(c.buf), 2048), limit)
		if !c.hold(size) {
			return false, noBodyNow
		}
		grown := make([]byte, len(c.buf), size)
		copy(grown, c.buf)
		c.buf = grown
	}
	first := len(c.buf) == 0
	n, err := c.Conn.Read(c.buf[len(c.buf):cap(c.buf)])
	c.buf = c.buf[:len(c.buf)+n]
	switch {
	case n > 0:
		return true, nil
	case first || err == nil || errors.Is(err, net.ErrClosed):
		return false, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false, late
	}
	return false, noEnd
}

// within gives the client time to send. A deadline that cannot be set belongs
// to a connection that is closed, which the next read will notice.
func (c *guardConn) within(d time.Duration) {
	if !does(time.Until(c.readBy), d) {
		c.readBy = time.Now().Add(d + d/slack)
		_ = c.Conn.SetReadDeadline(c.readBy)
	}
}

// Write sends a part of an answer. A client that takes none of it for too long
// is cut off.
func (c *guardConn) Write(p []byte) (int, error) {
	if c.refused {
		return 0, net.ErrClosed
	}
	err := c.hasten()
	if c.ending.Load() { // whoever ended it has set a short deadline; or does so now
		err = c.Conn.SetWriteDeadline(time.Now().Add(partTime))
	}
	// After the deadline: who breaks it off in between sets one that is over.
	if c.broken.Load() {
		return 0, errCut
	}
	if err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// sever breaks off the answer that is being sent, without waiting: a client that
// takes nothing must not hold up whoever calls.
func (c *guardConn) sever() {
	c.broken.Store(true)
	_ = c.Conn.SetWriteDeadline(time.Unix(1, 0)) // fails on a closed connection only
}

// Close ends the connection and gives its place back.
func (c *guardConn) Close() error {
	if c.place != nil {
		c.place.leave()
	}
	c.release()
	return c.Conn.Close()
}

// How long, and for how many bytes, the guard listens to a client that it has
// refused. Closing at once would reset the connection, and the client's system
// might drop the answer before it was read (RFC 9112, 9.6).
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 1 << 20
)

// refuse answers in place of the parser, which sees the end of the connection.
func (c *guardConn) refuse(no *refusal) error {
	x := c.g.begin()
	x.addr, _ = addrOf(c.Conn.RemoteAddr())
	x.refused(no)
	answer := no.wire(x.id)
	c.g.finish(&x)
	_, err := c.Write(answer)
	c.refused = true
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && err == nil && half.CloseWrite() == nil {
		c.within(lingerTime)
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes) // whatever comes is not looked at
	}
	_ = c.Conn.Close() // the parser closes it again, which does no harm
	return io.EOF
}
