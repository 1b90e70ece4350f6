package gateway

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"latchkey/identity"
	"latchkey/internal/verify"
	"latchkey/signature"

	"github.com/fasthttp/websocket"
)

// leg is a session's own connection to the exchange. It is never shared: what
// the exchange pushes belongs to one account.
type leg struct {
	conn   *websocket.Conn
	pinged time.Time // monotonic; of the client's goroutine

	due, silent time.Time // see hasten and alive
}

// legs opens connections to the exchange, and keeps a crowd of clients that
// all come back at once from running it over.
type legs struct {
	url     string // ws or wss, with the base path
	dialer  websocket.Dialer
	now     func() time.Time
	waiting chan struct{} // holds one for each that dials

	mu       sync.Mutex
	failed   int       // dials in a row
	restedAt time.Time // no dial before it
}

// Bounds of the storm that an exchange meets when it comes back.
const (
	mostDials = 64
	restFirst = 100 * time.Millisecond
	restMost  = 5 * time.Second
	// Clients that were disconnected together are told to come back within so
	// long, each at another moment.
	spread = 5 * time.Second
)

// mostAnswer bounds a message of the exchange. It is trusted to be sane, and
// 10,000 trades in one answer are.
const mostAnswer = 4 << 20

var errResting = errors.New("the exchange did not answer a moment ago")

func newLegs(c Config, u *upstream) *legs {
	scheme := map[string]string{"http": "ws", "https": "wss"}[c.Upstream.Scheme]
	base := u.private[:len(u.private)-len("/rest/")]
	return &legs{
		url: scheme + "://" + c.Upstream.Host + base, now: c.Now,
		waiting: make(chan struct{}, mostDials),
		dialer: websocket.Dialer{
			NetDialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := (&net.Dialer{Timeout: c.UpstreamTimeout, KeepAlive: 15 * time.Second}).DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				return &legConn{Conn: conn}, nil
			},
			TLSClientConfig: u.tls, HandshakeTimeout: c.UpstreamTimeout,
			ReadBufferSize: readBuffer, WriteBufferSize: writeBuffer, WriteBufferPool: &writers,
		},
	}
}

// open dials once. Nothing was sent for a client whose leg cannot be opened.
func (l *legs) open(ctx context.Context, target string, header http.Header) (*leg, error) {
	if !l.mayDial() {
		return nil, errResting
	}
	select {
	case l.waiting <- struct{}{}:
		defer func() { <-l.waiting }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if !l.mayDial() { // those before it in the queue have failed
		return nil, errResting
	}
	conn, answer, err := l.dialer.DialContext(ctx, l.url+"/"+target, header)
	if answer != nil && answer.Body != nil {
		_ = answer.Body.Close() // what a refusal says is for the log of the exchange
	}
	if answer != nil && answer.StatusCode >= 400 && answer.StatusCode < 500 && answer.StatusCode != http.StatusTooManyRequests {
		l.note(nil) // it is there: it has refused this one client, and no other
	} else {
		l.note(err)
	}
	if err != nil {
		return nil, err
	}
	return &leg{conn: conn}, nil
}

func (l *legs) mayDial() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.now().Before(l.restedAt)
}

// note makes the pause after each failure in a row twice as long.
func (l *legs) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		l.failed = 0
		return
	case l.now().Before(l.restedAt):
		return // it was on its way when the first one failed; that was one failure
	}
	l.restedAt = l.now().Add(min(restFirst<<min(l.failed, 10), restMost))
	l.failed++
}

// spreadOut says when a client that lost the exchange should come back, in
// milliseconds: not all of them at once.
func spreadOut(p parting) *parting {
	p.retryMs = 500 + rand.Int64N(int64(spread/time.Millisecond)) // nobody gains by guessing it
	return &p
}

// connect opens the session's leg. By is nil on a public session.
func (s *session) connect(by *verify.Session) *parting {
	header, err := s.identify(by)
	if err != nil {
		s.g.Log.Error("a session could not be signed for the exchange", "session", s.id, "error", err)
		return &partFault
	}
	ctx, cancel := context.WithTimeout(s.context(), s.g.UpstreamTimeout)
	defer cancel()
	l, err := s.g.legs.open(ctx, s.target(), header)
	if err != nil {
		s.g.metrics.upstreamFailed(true)
		s.g.Log.Warn("a session could not be opened at the exchange", "session", s.id, "error", err)
		return spreadOut(partNoLeg)
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.ending.Load() != nil {
		_ = l.conn.Close()
		return &partChanged
	}
	s.leg.Store(l)
	return nil
}

func (s *session) target() string {
	if s.public {
		return "ws-public"
	}
	return "ws"
}

// identify signs who the session belongs to. It stands for the whole session,
// because a change of the key ends it.
func (s *session) identify(by *verify.Session) (http.Header, error) {
	caller := identity.Caller{RequestID: s.id}
	if by != nil {
		caller.Account, caller.Key, caller.Permissions = by.AccountID, by.KeyID, by.Permissions.Names()
	}
	signed, err := identity.Sign(s.g.IdentitySecret, s.g.Now(), caller, http.MethodGet, s.target(), nil)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	for _, h := range signed {
		header.Set(h.Name, h.Value)
	}
	if s.agent != "" {
		header.Set("User-Agent", s.agent)
	}
	return header, nil
}

// forward sends an allowed message to the exchange.
func (s *session) forward(v *verify.Verdict, message []byte) *refusal {
	no, err := s.leave(v, message)
	if err != nil {
		s.g.metrics.upstreamFailed(false)
		s.part(*spreadOut(partUpstream))
		return notSent
	}
	return no
}

// leave sends a message, or says why it may not leave. Between the last look at
// the key and the first byte nothing can come: a change of the key waits for
// sending before it is acknowledged.
func (s *session) leave(v *verify.Verdict, message []byte) (*refusal, error) {
	s.sending.Lock()
	defer s.sending.Unlock() // also after a fault: a change of the key would wait for ever
	l := s.leg.Load()
	switch {
	case s.ending.Load() != nil, l == nil:
		return notReached, nil
	case !v.Current() && s.g.on(guardEach):
		return stateChange, nil
	}
	l.hasten(s.g.UpstreamTimeout)
	return nil, l.conn.WriteMessage(websocket.TextMessage, message)
}

// listen starts to relay what the exchange sends.
func (s *session) listen() {
	if l := s.leg.Load(); l != nil {
		go s.relay(l)
	}
}

// relay sends everything that comes from the exchange on to the client, in its
// order, until either end is gone.
func (s *session) relay(l *leg) {
	defer s.rescue()
	alive := func() { l.alive(2 * s.g.IdleTimeout) }
	l.conn.SetPongHandler(func(string) error { alive(); return nil })
	for first := true; ; first = false {
		alive()
		kind, r, err := l.conn.NextReader()
		if err != nil {
			break
		}
		buf, err := messages.read(r, mostAnswer)
		if err != nil || kind != websocket.TextMessage {
			break
		}
		switch word(buf) {
		case "connected":
			if !first {
				s.push(buf)
			}
		case "disconnected":
			s.part(*spreadOut(partUpstream))
			return
		default:
			s.push(buf)
		}
		messages.put(buf)
	}
	s.part(*spreadOut(partUpstream))
}

// word returns the e of the few messages that belong to the connection and not
// to the client. Most are told by a look: only what may be one is scanned.
func word(message []byte) string {
	if !bytes.Contains(message, []byte(`connected"`)) {
		return ""
	}
	var e []byte
	if signature.ScanJSON(message, signature.Field{Name: "e", Value: &e}) != nil {
		return ""
	}
	name, _ := signature.PlainString(e)
	return string(name)
}

// keepAlive tells the exchange that the client is there, though it only pings.
func (s *session) keepAlive() {
	l := s.leg.Load()
	if now := time.Now(); l != nil && now.Sub(l.pinged) > 5*time.Second {
		l.pinged = now
		_ = l.conn.WriteControl(websocket.PingMessage, nil, now.Add(time.Second)) // relay notices a dead connection
	}
}

// closeLeg ends the connection to the exchange, and returns when nothing more
// can be sent on it.
func (s *session) closeLeg() {
	// Somebody may be writing to an exchange that takes nothing.
	wake := time.AfterFunc(partTime, func() {
		if l := s.leg.Load(); l != nil {
			_ = l.conn.Close()
		}
	})
	s.sending.Lock()
	wake.Stop()
	l := s.leg.Load()
	s.sending.Unlock()
	if l == nil {
		return
	}
	_ = l.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(partTime))
	_ = l.conn.Close()
}
