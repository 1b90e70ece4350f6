package sandbox

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/fasthttp/websocket"

	"latchkey/identity"
)

// privateSession opens GET /api/ws for a caller with a key.
func (x *Exchange) privateSession(w http.ResponseWriter, r *http.Request) { x.open(w, r, false) }

// publicSession opens GET /api/ws-public for a caller without one.
func (x *Exchange) publicSession(w http.ResponseWriter, r *http.Request) { x.open(w, r, true) }

// upgrade makes a WebSocket connection of a request. The identity has proved
// that the gateway asks, so an Origin means nothing here. Buffers are small:
// most sessions are silent most of the time.
func (x *Exchange) upgrade(w http.ResponseWriter, r *http.Request) (*websocket.Conn, error) {
	upgrader := websocket.Upgrader{
		ReadBufferSize: 1 << 10, WriteBufferSize: 4 << 10, WriteBufferPool: &x.buffers,
		CheckOrigin: func(*http.Request) bool { return true },
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			x.write(w, status, refusal{reason.Error()})
		},
	}
	return upgrader.Upgrade(w, r, nil)
}

// open answers a handshake: 401 without the gateway's identity, 400 at the
// wrong door, 503 when the exchange stops, else the upgrade (RFC 6455 4.2).
func (x *Exchange) open(w http.ResponseWriter, r *http.Request, public bool) {
	caller, err := identity.Verify(x.secret, x.now(), identity.Window, r.Header, r.Method, identity.Target(r), nil)
	switch {
	case err != nil:
		x.write(w, http.StatusUnauthorized, refusal{err.Error()})
		return
	// The signature is over no body and no query.
	case caller.Public() != public || r.ContentLength != 0 || r.URL.RawQuery != "":
		x.write(w, http.StatusBadRequest, refusal{badRequest.text})
		return
	case !x.begin():
		x.write(w, http.StatusServiceUnavailable, refusal{stopping.reason})
		return
	}
	conn, err := x.upgrade(w, r)
	if err != nil { // it was answered
		x.live.Done()
		return
	}
	// The handler returns: net/http keeps nothing for a connection that left it.
	go func() {
		defer x.live.Done()
		s := newSession(caller, conn)
		x.greet(s)
		defer x.leave(s)
		s.run(x)
	}()
}

// begin counts a session that is about to open, unless the exchange stops.
func (x *Exchange) begin() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.closed {
		x.live.Add(1)
	}
	return !x.closed
}

// greet welcomes a session and lets it hear of its account from then on.
func (x *Exchange) greet(s *session) {
	x.mu.Lock()
	defer x.mu.Unlock()
	// Under the lock, so that it comes before any push.
	s.put(message{E: "connected"})
	x.sessions[s] = struct{}{}
	if x.closed { // while the connection was upgraded
		s.stop(stopping)
	}
	// Pushes are reading: a key without Read could not ask for them either.
	if s.caller.Has("read") {
		x.hear(topic{client: s.caller.Account}, s)
	}
}

// leave forgets a session.
func (x *Exchange) leave(s *session) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.sessions, s)
	for t := range s.topics {
		x.unhear(t, s)
	}
}

// stopping is the ending for a server that goes away.
var stopping = ending{websocket.CloseGoingAway, "The sandbox exchange stops"}

// Run lets the market move by itself while somebody listens: at short intervals
// the exchange is brought to the moment of its clock, as a request does it.
// When ctx ends, so do all sessions; Run returns after the last, 2 s at most.
func (x *Exchange) Run(ctx context.Context) {
	// Twice as often as quotes change: a tick that comes a moment early must not
	// cost a whole second.
	tick := time.NewTicker(quoteEvery / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			x.close()
			return
		case <-tick.C:
			x.tick()
		}
	}
}

// tick is one step of Run. Without an audience the next request does the same.
func (x *Exchange) tick() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.audience) > 0 {
		x.advance(x.now())
	}
}

// close ends all sessions, takes no more and waits for their end.
func (x *Exchange) close() {
	x.mu.Lock()
	x.closed = true
	for s := range x.sessions {
		s.stop(stopping)
	}
	x.mu.Unlock()
	// Not under the lock: a session takes it to leave.
	x.live.Wait()
}

// request is one message of a client.
type request struct {
	e, oid string
	data   json.RawMessage // nil when absent or null
}

// readRequest reads a message. The reason is not empty when it cannot be
// answered, because nothing says what it is or which answer belongs to it.
func readRequest(text []byte) (r request, reason string) {
	var members map[string]json.RawMessage
	// A map, because a struct would also take "E" for "e".
	if !utf8.Valid(text) || json.Unmarshal(text, &members) != nil || members == nil {
		return request{}, "A message must be one JSON object"
	}
	if json.Unmarshal(members["e"], &r.e) != nil || r.e == "" {
		return request{}, "A message must have an e, the type of the message"
	}
	if raw := members["data"]; string(raw) != "null" {
		r.data = raw
	}
	if r.e == "ping" {
		return r, ""
	}
	if json.Unmarshal(members["oid"], &r.oid) != nil || r.oid == "" {
		return request{}, "A message must have an oid, a text that is repeated in its answer"
	}
	return r, ""
}

// serveMessage answers one message of a session.
func (x *Exchange) serveMessage(s *session, text []byte) {
	r, reason := readRequest(text)
	if reason != "" {
		s.stop(bad(reason))
		return
	}
	if r.e == "ping" {
		s.answer(message{E: "pong"})
	} else {
		x.serveCall(s, r)
	}
	s.settle()
}

// serveCall carries out a request by the same table as REST does. The answer is
// queued under the lock, so it stands between the pushes of what happened
// before it, its own effects included, and of what happens after.
func (x *Exchange) serveCall(s *session, r request) {
	a, ok := x.catalog.Lookup(r.e)
	_, can := x.actions[r.e]
	if !ok || !can || s.caller.Public() && !a.PublicWS || !s.caller.Public() && !a.WS {
		why := "Unsupported message type " + shown(r.e)
		s.answer(message{E: r.e, OID: r.oid, Data: refusal{why}})
		s.stop(bad(why))
		return
	}
	in, err := parse(r.data) // without data: as {}
	x.mu.Lock()
	defer x.mu.Unlock()
	c := &call{in: in, session: s}
	var data any
	if err == nil {
		data, err = x.carry(a, s.caller, c)
	}
	if err != nil {
		s.answer(message{E: r.e, OID: r.oid, Data: refusal{x.fault(s.caller, err).text}})
		return
	}
	s.answer(message{E: r.e, OID: r.oid, Data: data, OK: "ok"})
	if c.follow != nil {
		s.put(*c.follow)
	}
}
