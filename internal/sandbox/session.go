package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/fasthttp/websocket"

	"latchkey/identity"
)

// Bounds of a session. Those in time are of the socket, so they go by the
// machine's clock, not by the exchange's.
const (
	longestQueue = 1024             // messages that wait for a client to read them
	idleLimit    = 60 * time.Second // without a message or a ping frame
	writeLimit   = 10 * time.Second // for the client to take one message
	linger       = 2 * time.Second  // from the end of a session to the end of its connection
)

// message is one that the exchange sends, with its members in the wire's order.
type message struct {
	E      string `json:"e"`
	OID    string `json:"oid,omitempty"`
	Data   any    `json:"data,omitempty"`
	OK     string `json:"ok,omitempty"`
	Reason string `json:"reason,omitempty"` // of disconnected
	answer bool   // to a request: the next one waits until this is sent
}

// ending is why a session ends. The zero value says nothing to the client,
// because it is gone.
type ending struct {
	code   int // of the close frame, RFC 6455 7.4.1
	reason string
}

// session is one client's WebSocket connection. One goroutine reads requests
// and carries them out one after the other, one writes; between them and the
// engine is a bounded queue, so the engine never waits for a socket.
type session struct {
	conn   *websocket.Conn
	caller identity.Caller
	topics map[topic]bool // guarded by the exchange's lock

	wake chan struct{} // of 1: there is something to send, or the session has ended
	sent chan struct{} // of 1: the last answer is sent
	over chan struct{} // closed when the session has ended

	mu      sync.Mutex // guards the rest
	waiting []message
	ended   *ending
	cut     *time.Timer // closes the connection, whatever the client does
}

func newSession(caller identity.Caller, conn *websocket.Conn) *session {
	return &session{
		conn: conn, caller: caller, topics: map[topic]bool{},
		wake: make(chan struct{}, 1), sent: make(chan struct{}, 1), over: make(chan struct{}),
	}
}

// put queues a message and never waits. After the end nothing is taken. A
// client that lets too much wait is told so instead of losing messages: what
// was queued before still goes out, without a gap, then the session ends.
func (s *session) put(m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended != nil:
	case len(s.waiting) >= longestQueue:
		s.finish(ending{websocket.ClosePolicyViolation, "Too many messages wait to be read. Read faster or subscribe to less"})
	default:
		s.waiting = append(s.waiting, m)
		s.rouse()
	}
}

// stop ends the session; only the first reason counts.
func (s *session) stop(why ending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.finish(why)
	}
}

// finish is stop under the session's lock.
func (s *session) finish(why ending) {
	s.ended = &why
	s.cut = time.AfterFunc(linger, func() { _ = s.conn.Close() })
	close(s.over)
	s.rouse()
}

// rouse tells the writer to look; one call is enough for many changes.
func (s *session) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// next waits for the next message; false when there is none and never will be.
func (s *session) next() (message, bool) {
	for {
		s.mu.Lock()
		if len(s.waiting) > 0 {
			m := s.waiting[0]
			s.waiting[0] = message{} // what was sent needs no memory
			s.waiting = s.waiting[1:]
			s.mu.Unlock()
			return m, true
		}
		s.waiting = nil // silent sessions keep no memory for a burst long ago
		ended := s.ended != nil
		s.mu.Unlock()
		if ended {
			return message{}, false
		}
		<-s.wake
	}
}

// run serves the session until its connection is closed.
func (s *session) run(x *Exchange) {
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		s.listen(x)
	}()
	if err := s.send(); err != nil {
		s.stop(ending{})
		_ = s.conn.Close()
	}
	// After the close frame the client's own is awaited: closing a socket with
	// unread bytes would take the last messages from the client (RFC 6455 7.1.1).
	<-heard
	s.cut.Stop()
	_ = s.conn.Close()
}

// send writes what is queued until the session has ended, then says why.
func (s *session) send() error {
	for {
		m, ok := s.next()
		if !ok {
			break
		}
		if err := s.write(m); err != nil {
			return err
		}
		if m.answer {
			s.sent <- struct{}{} // never blocks: the next request waits for this
		}
	}
	// Without a lock: what was set once is never changed, and next has seen it.
	if s.ended.code == 0 {
		return nil
	}
	if err := s.write(message{E: "disconnected", Reason: s.ended.reason}); err != nil {
		return err
	}
	// Without the reason: it may be longer than a control frame (RFC 6455 5.5).
	last := websocket.FormatCloseMessage(s.ended.code, "")
	return s.conn.WriteControl(websocket.CloseMessage, last, time.Now().Add(writeLimit))
}

func (s *session) write(m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return err
	}
	return s.conn.WriteMessage(websocket.TextMessage, text)
}

// listen reads requests until the connection ends. What comes after the end of
// the session is read and dropped, see run.
func (s *session) listen(x *Exchange) {
	s.conn.SetPingHandler(func(data string) error {
		// A connection that takes no pong shows so at the next read or message.
		_ = s.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeLimit))
		return s.postpone()
	})
	for {
		err := s.postpone()
		if err == nil {
			err = s.read(x)
		}
		if err != nil {
			s.stop(farewell(err))
			return
		}
	}
}

// postpone moves the end of an idle session.
func (s *session) postpone() error { return s.conn.SetReadDeadline(time.Now().Add(idleLimit)) }

// read takes the next request and serves it.
func (s *session) read(x *Exchange) error {
	kind, reader, err := s.conn.NextReader()
	if err != nil {
		return err
	}
	select {
	case <-s.over: // nobody answers any more; the next read skips the rest
		return nil
	default:
	}
	// By hand: the library's own limit closes before disconnected could be said.
	text, err := io.ReadAll(io.LimitReader(reader, longestBody+1))
	switch {
	case err != nil:
		return err
	case len(text) > longestBody:
		s.stop(ending{websocket.CloseMessageTooBig, "The message is longer than 1 MiB"})
	case kind != websocket.TextMessage:
		s.stop(bad("A message must be text, not binary"))
	default:
		x.serveMessage(s, text)
	}
	return nil
}

// bad is the ending for a message that cannot be answered.
func bad(reason string) ending { return ending{websocket.CloseNormalClosure, reason} }

// farewell is the ending for an error of reading. Only a silent client can
// still be told something; for the rest the library has closed already.
func farewell(err error) ending {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return bad("No message came for 60 seconds. Send a ping now and then")
	}
	return ending{}
}

// answer queues what came of a request.
func (s *session) answer(m message) {
	m.answer = true
	s.put(m)
}

// settle waits until the answer is sent. A client that asks without reading
// makes no answers pile up here; it is the connection that stops taking.
func (s *session) settle() {
	select {
	case <-s.sent:
	case <-s.over:
	}
}
