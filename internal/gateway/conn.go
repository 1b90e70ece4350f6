package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"
)

// dial opens a connection, TLS included: until it is open, nothing was sent.
func (u *upstream) dial(address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), u.timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotSent, err)
	}
	c := &upstreamConn{Conn: conn, timeout: u.timeout, idle: u.idle, flights: u.flights, socket: conn.(*net.TCPConn), clock: time.Now()}
	if c.tcp, err = c.socket.SyscallConn(); err == nil && u.tls != nil {
		secured := tls.Client(conn, u.tls)
		c.Conn, err = secured, secured.HandshakeContext(ctx)
	}
	if err != nil {
		_ = conn.Close() // it is of no use any more
		return nil, fmt.Errorf("%w: %w", errNotSent, err)
	}
	return c, nil
}

// upstreamConn gives each part of an answer the whole timeout, so that a long
// one may take its time, and knows whether a request has begun to leave.
type upstreamConn struct {
	net.Conn
	socket          *net.TCPConn // below TLS
	tcp             syscall.RawConn
	timeout         time.Duration
	idle            time.Duration
	clock           time.Time // of the last write, or of the last part of a long answer
	answered        bool      // something was read
	readBy, writeBy time.Time // the deadlines that stand
	sending         bool      // since the last read something was written

	flights *flights
	mu      sync.Mutex
	carries *flight // the newest that left on it; its answer may have come
	severed bool
}

// leave lets the request that begins with these bytes go on this connection, or
// says why it may not.
func (c *upstreamConn) leave(request []byte) error {
	f := c.flights.find(request)
	if f == nil {
		return errChanged
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.severed { // while it was idle: nothing can be sent on it
		return errStale
	}
	c.carries = f
	return f.leave(c)
}

// sever closes the connection, unless it carries another call by now. What the
// system has not sent yet is dropped, and an exchange that takes nothing holds
// nobody up: TLS would wait to say good-bye.
func (c *upstreamConn) sever(f *flight) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.carries != f || c.severed {
		return
	}
	c.severed = true
	_ = c.socket.SetLinger(0) // it is closed next, which cannot fail in a way that matters
	_ = c.socket.Close()
}

// errStale is a connection that the exchange closed while it was idle.
var errStale = fmt.Errorf("%w: the exchange closed the idle connection", errNotSent)

// Write sends. Before the first byte of a request on a connection that was
// idle, it looks whether the exchange is still there: a request that is written
// into a closed connection is lost without anybody knowing how far it got. A
// fresh one is not looked at: what waits there are session tickets (RFC 8446,
// 4.6.1), which are no reason to throw it away.
//
// Last of all it asks whether the key is still what it was. Dialling and other
// connections that had died may have taken seconds, and a change of the key
// that was acknowledged meanwhile must hold.
func (c *upstreamConn) Write(p []byte) (int, error) {
	rested := c.clock
	c.clock = time.Now()
	if !c.sending {
		if c.answered && c.clock.Sub(rested) > c.idle && !c.open() {
			return 0, errStale
		}
		if err := c.leave(p); err != nil {
			return 0, err
		}
	}
	c.sending = true
	if !does(c.writeBy.Sub(c.clock), c.timeout) {
		c.writeBy = c.clock.Add(c.timeout + c.timeout/slack)
		if err := c.Conn.SetWriteDeadline(c.writeBy); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(p)
}

// Read receives. The clock of a request that was just written is good for the
// begin of its answer; between two parts of a long one the client may have taken
// its time.
func (c *upstreamConn) Read(p []byte) (int, error) {
	if !c.sending {
		c.clock = time.Now()
	}
	if !does(c.readBy.Sub(c.clock), c.timeout) {
		c.readBy = c.clock.Add(c.timeout + c.timeout/slack)
		if err := c.Conn.SetReadDeadline(c.readBy); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Read(p)
	// A read ends the sending: the next write begins another request.
	c.answered, c.sending = true, false
	return n, err
}

// open looks at the socket without waiting. On an idle connection there is
// nothing to read; if there is, it is the end of the connection or the answer
// to a question that nobody asked, and neither is of use.
func (c *upstreamConn) open() bool {
	var err error
	var one [1]byte
	control := c.tcp.Control(func(fd uintptr) {
		_, _, err = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	return control == nil && (errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR))
}
