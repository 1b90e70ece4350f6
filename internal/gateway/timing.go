package gateway

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Each request and each message has its times, and setting a timer of the
// system's for every one was a seventh of what a message costs. So a timer that
// stands is left as it is while it gives at least the time that is due, and at
// most slack more; one of a session's silence that fires too early is set anew.

// slack is that part of a time.
const slack = 32

// does reports whether a timer that has so much left may stand when d is due.
func does(left, d time.Duration) bool { return left >= d && left <= d+d/slack }

// until lets the client of a session be silent up to a moment. It belongs to the
// goroutine that reads.
func (c *guardConn) until(t time.Time) {
	if c.due = t; c.armed.IsZero() || c.armed.After(t) {
		c.arm()
	}
}

func (c *guardConn) arm() {
	c.armed = c.due
	_ = c.Conn.SetReadDeadline(c.due) // fails on a closed connection, as the next read will
	if c.ending.Load() {
		// It ended while the timer was set, and does not wait that long.
		_ = c.Conn.SetReadDeadline(time.Now().Add(lingerTime))
	}
}

// listen reads for a session, until its time is really over.
func (c *guardConn) listen(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || c.ending.Load() || !time.Now().Before(c.due) {
			return n, err
		}
		c.arm()
	}
}

// SetWriteDeadline does nothing: the WebSocket library calls it for each message,
// and Write keeps the time by itself.
func (c *guardConn) SetWriteDeadline(time.Time) error { return nil }

// hasten sets how long the client may take for a part of an answer or a message.
func (c *guardConn) hasten() error {
	d := c.g.SendTimeout
	if does(time.Until(c.taken), d) {
		return nil
	}
	c.taken = time.Now().Add(d + d/slack)
	return c.Conn.SetWriteDeadline(c.taken)
}

// legConn is a connection to the exchange on which a deadline that is set is not
// set again.
type legConn struct {
	net.Conn
	set atomic.Int64 // Unix nanoseconds
}

// SetWriteDeadline is called by the library for each message.
func (c *legConn) SetWriteDeadline(t time.Time) error {
	if c.set.Swap(t.UnixNano()) == t.UnixNano() {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// hasten gives a message to the exchange its time. It is called under sending.
func (l *leg) hasten(d time.Duration) {
	if now := time.Now(); l.due.Sub(now) < d {
		l.due = now.Add(d + d/slack)
		_ = l.conn.SetWriteDeadline(l.due) // keeps the time, and never fails
	}
}

// alive gives the exchange time to be silent. It belongs to the goroutine that
// reads from it.
func (l *leg) alive(d time.Duration) {
	if now := time.Now(); l.silent.Sub(now) < d {
		l.silent = now.Add(d + d/slack)
		_ = l.conn.SetReadDeadline(l.silent) // fails on a closed connection, as the next read will
	}
}
