package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"latchkey"
	"latchkey/internal/verify"

	"github.com/fasthttp/websocket"
)

// session is one WebSocket connection of a client and, from its logon on, the
// one to the exchange that belongs to it.
//
// Two goroutines work for it: run reads from the client, and leg.relay reads
// from the exchange. Each writes to the other side before it reads on, so that
// who does not take what is sent slows down only who sends it to them, and
// nothing is queued in between.
type session struct {
	g      *Gateway
	id     string
	addr   netip.Addr
	agent  string
	public bool

	raw   *guardConn
	conn  *websocket.Conn
	since time.Time  // of the connection; monotonic
	out   sync.Mutex // one message at a time goes to the client

	// Of the client's goroutine.
	failures int       // logons that were refused
	asked    int64     // messages and pings so far
	pace     pace      // of them
	reading  bool      // a message has begun to arrive
	deadline time.Time // of the logon; zero when there is none to wait for

	grant  atomic.Pointer[grant]   // nil before the logon
	ending atomic.Pointer[parting] // set once; from then on nothing is forwarded
	parted chan struct{}           // closed when the client was told

	// sending is held while a message is judged for the last time and sent to
	// the exchange: who holds it after ending was set knows that the exchange
	// gets no more.
	sending sync.Mutex
	leg     atomic.Pointer[leg] // nil while there is none; set under sending
}

// grant is what a session may do since its logon.
type grant struct {
	*verify.Session
	since    time.Time // by the clock
	logon    verify.Verdict
	messages atomic.Int64
	last     atomic.Pointer[use]
}

// use is the last call of a session.
type use struct {
	action string
	at     time.Time
}

func newSession(g *Gateway, addr netip.Addr, agent string, public bool) *session {
	return &session{g: g, id: latchkey.NewID("ws"), addr: addr, agent: agent, public: public, parted: make(chan struct{})}
}

// start takes a connection that the HTTP library has let go, answers its
// handshake, and lets the session run in a goroutine of its own: everything that
// a request and a handshake need, the stack too, is given back then. Idle
// sessions are many.
func (s *session) start(c net.Conn, challenge string) {
	s.since = time.Now()
	defer func() {
		if s.g.recovered(recover(), "session", s.id) {
			s.g.Sessions.leave(s)
			_ = c.Close()
		}
	}()
	raw, ours := c.(interface{ UnsafeConn() net.Conn }).UnsafeConn().(*guardConn)
	if !ours {
		_ = c.Close() // it was not counted by the door, so it may not stay
		return
	}
	raw.passAll()
	s.raw = raw
	var err error
	if s.conn, err = handshake(raw, challenge, s.id); err != nil {
		_ = raw.Close() // the client did not take the answer
		return
	}
	if !s.g.Sessions.add(s) {
		s.part(partStopping)
	}
	go s.run()
}

// run serves the session to its end.
func (s *session) run() {
	defer s.rescue() // nothing that follows the conversation takes the others down, either
	defer s.g.Sessions.leave(s)
	defer s.raw.Close()
	s.converse()
	s.part(partGone) // what ended it came first, if anything did
	<-s.parted
	s.hangUp()
	s.report()
}

// converse reads messages until the session ends.
func (s *session) converse() {
	defer s.rescue()
	s.conn.SetPingHandler(s.ping)
	s.conn.SetPongHandler(func(string) error { return s.count() })
	s.pace.each = s.g.MaxMessages
	if !s.public {
		s.deadline = time.Now().Add(s.g.LogonTimeout)
	}
	s.send([]byte(`{"e":"connected"}`))
	for s.ending.Load() == nil {
		message, err := s.read()
		if err != nil {
			s.part(s.why(err))
			return
		}
		s.take(message)
		messages.put(message)
	}
}

// rescue keeps a fault in one session from taking the others down. It is deferred
// by each goroutine that works for one.
func (s *session) rescue() {
	if s.g.recovered(recover(), "session", s.id) {
		s.part(partFault)
	}
}

// Errors of reading a message.
var (
	errBinary   = errors.New("a binary message")
	errPace     = errors.New("too many messages")
	errNotTaken = errors.New("the client did not take a pong")
)

// read returns the next message, in a lent buffer. From its first byte on it
// may take HeadTimeout.
func (s *session) read() ([]byte, error) {
	s.reading = false
	s.wait()
	kind, r, err := s.conn.NextReader()
	if err != nil {
		return nil, err
	}
	s.reading = true
	s.within(s.g.HeadTimeout)
	if err := s.count(); err != nil {
		return nil, err
	}
	if kind != websocket.TextMessage {
		return nil, errBinary
	}
	return messages.read(r, s.g.MaxMessage)
}

// wait sets how long the client may be silent.
func (s *session) wait() {
	if s.deadline.IsZero() {
		s.within(s.g.IdleTimeout)
		return
	}
	s.raw.until(s.deadline)
}

func (s *session) within(d time.Duration) { s.raw.until(time.Now().Add(d)) }

// ping answers the library's ping frames. They count as messages, keep the
// session alive, and are passed on, so that it lives on at the exchange too.
func (s *session) ping(data string) error {
	if err := s.count(); err != nil {
		return err
	}
	if !s.reading {
		s.wait()
	}
	s.keepAlive()
	err := s.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(s.g.SendTimeout))
	switch timeout := net.Error(nil); {
	case errors.Is(err, websocket.ErrCloseSent):
		return nil
	case errors.As(err, &timeout) && timeout.Timeout():
		return errNotTaken
	}
	return err
}

// count takes a message or a ping into account.
func (s *session) count() error {
	s.asked++
	if !s.pace.take(time.Now()) {
		return errPace
	}
	return nil
}

// why makes a parting of an error of read.
func (s *session) why(err error) parting {
	var closed *websocket.CloseError
	switch {
	case errors.Is(err, errBinary):
		return partBinary
	case errors.Is(err, errTooLong), errors.Is(err, websocket.ErrReadLimit): // the library's is a length of 2^63 or more
		return partSize
	case errors.Is(err, errUTF8):
		return partUTF8
	case errors.Is(err, errNotTaken):
		return partSlow
	case errors.Is(err, errPace):
		return partPace
	case errors.As(err, &closed), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return partGone
	case errors.Is(err, os.ErrDeadlineExceeded) && s.reading:
		return partSlow
	case errors.Is(err, os.ErrDeadlineExceeded) && !s.deadline.IsZero():
		return partLogonTime
	case errors.Is(err, os.ErrDeadlineExceeded):
		return partIdle
	case errors.As(err, new(net.Error)), errors.As(err, new(*os.SyscallError)):
		return partGone
	}
	return partProtocol // the library has closed with 1002
}

// send writes one message to the client. A client that does not take it in
// time is cut off; half a message may have left then.
func (s *session) send(message []byte) { s.taken(s.write(message)) }

func (s *session) write(message []byte) error {
	s.out.Lock()
	defer s.out.Unlock()
	return s.conn.WriteMessage(websocket.TextMessage, message)
}

// taken ends the session if the client did not take a message.
func (s *session) taken(err error) {
	switch {
	case err == nil, errors.Is(err, websocket.ErrCloseSent):
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.part(partSlow)
	default:
		s.part(partGone)
	}
}

// part ends the session, once: what comes first is the reason. It returns when
// nothing more can reach the exchange and the client was told, if it takes
// anything. It may be called from any goroutine, but for one that holds sending.
func (s *session) part(p parting) {
	if !s.ending.CompareAndSwap(nil, &p) {
		s.sending.Lock() // what was on its way when the first reason came has left
		//lint:ignore SA2001 waiting for it is the point
		s.sending.Unlock()
		return
	}
	defer close(s.parted)
	s.closeLeg()
	s.raw.ending.Store(true)
	// Wakes whoever waits for a client that takes nothing.
	_ = s.raw.Conn.SetWriteDeadline(time.Now().Add(partTime))
	if p.status != 0 {
		s.farewell(p)
	}
	// The client's goroutine reads on for a moment and drops what it gets: a
	// connection that is closed with bytes unread is reset, and the farewell
	// might be lost with it.
	_ = s.raw.SetReadDeadline(time.Now().Add(lingerTime))
}

// partTime is what a client has to take the farewell.
const partTime = 250 * time.Millisecond

// farewell tells the client why, before the close frame.
func (s *session) farewell(p parting) {
	s.out.Lock()
	defer s.out.Unlock()
	if s.conn.WriteMessage(websocket.TextMessage, p.message()) != nil {
		return // what was being written is broken off, and nothing may follow it
	}
	_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(p.status, p.code), time.Now().Add(partTime))
}

// hangUp waits for the client's own end of the connection, for a moment.
func (s *session) hangUp() {
	if half, ok := s.raw.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() != nil {
		return
	}
	_ = s.raw.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, s.raw, lingerBytes)
}

// report writes the one line that each session gets in the log at its end.
func (s *session) report() {
	p, keyID, messages := s.ending.Load(), "", int64(0)
	if g := s.grant.Load(); g != nil {
		keyID, messages = g.KeyID, g.messages.Load()
	}
	s.g.metrics.sessionEnds.WithLabelValues(p.code).Inc()
	s.g.Log.Info("session ended", "session", s.id, "key", keyID, "ip", s.addr, "messages", messages,
		"reason", p.code, "took", time.Since(s.since))
}

// name gives a message its id: that of the session and a number.
func (s *session) name() string { return s.id + "-" + strconv.FormatInt(s.asked, 10) }

// context is that of a verdict: it has no end of its own.
func (s *session) context() context.Context { return context.Background() }
