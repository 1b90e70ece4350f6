package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/fasthttp/websocket"

	"latchkey"
	"latchkey/signature"
)

// Times of a session. The gateway ends one that is silent for 60 s
// (docs/protocol.md); three pings of ours fit in there.
const (
	pingEvery  = 20 * time.Second
	answerTime = time.Minute // as for a call over REST
	longestOne = 64 << 20    // a message, as an answer over REST
)

// message is what the gateway and the exchange send. Raw is the whole of it.
type message struct {
	E      string          `json:"e"`
	OID    string          `json:"oid"`
	OK     string          `json:"ok"`
	Data   json.RawMessage `json:"data"`
	Reason string          `json:"reason"` // of disconnected
	Code   string          `json:"code"`
	raw    []byte
}

// refusal is why a message was not carried out, in the form that a REST call
// has as its answer.
type refusal struct {
	Text string `json:"error"`
	Code string `json:"code,omitempty"` // the gateway's; the exchange's own refusals have none
}

// refused is an answer that says no.
type refused struct {
	why    *latchkey.Error
	answer json.RawMessage // a refusal, perhaps with more members
}

func (r *refused) Error() string { return r.why.Message }
func (r *refused) Unwrap() error { return r.why }

// refuse makes an error of an answer, about what was asked.
func refuse(what string, m *message) *refused {
	var r refusal
	if json.Unmarshal(m.Data, &r) != nil || r.Text == "" {
		r.Text = "no reason was given"
	}
	text := what + ": " + printable(r.Text)
	if r.Code != "" {
		text += " (" + printable(r.Code) + ")"
	}
	return &refused{latchkey.Errorf(latchkey.KindForbidden, cmp.Or(r.Code, "refused"), "%s", text), m.Data}
}

// printable drops what would harm a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}

// session is one connection to a gateway's WebSocket, logged on unless it is
// public. One goroutine reads.
type session struct {
	conn    *websocket.Conn
	ctx     context.Context // of the command: its end is the session's
	stop    func() bool
	every   time.Duration // between pings
	sending sync.Mutex
	last    *message // disconnected, once it was read
}

// open connects, waits for the gateway's first word and logs on.
func (r *reach) open(ctx context.Context) (*session, error) {
	if err := r.settle(); err != nil {
		return nil, err
	}
	s, err := r.dial(ctx)
	if err != nil {
		return nil, err
	}
	first, err := s.read()
	switch {
	case err != nil:
	case first.E != "connected":
		err = fmt.Errorf("the gateway's first message is %q, not connected: is --gateway the address of one?", printable(first.E))
	case !r.Public:
		err = s.logon(r.APIKey, r.Secret)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// dial makes the connection. It ends with the context.
func (r *reach) dial(ctx context.Context) (*session, error) {
	at, err := r.socket()
	if err != nil {
		return nil, err
	}
	trust, err := r.trust()
	if err != nil {
		return nil, err
	}
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, HandshakeTimeout: answerTime}
	conn, res, err := dialer.DialContext(ctx, at, nil)
	switch {
	case errors.Is(err, websocket.ErrBadHandshake) && res != nil:
		return nil, fmt.Errorf("the gateway opened no WebSocket session: it answered with status %s", res.Status)
	case err != nil:
		return nil, fmt.Errorf("the gateway was not reached: %w", err)
	}
	conn.SetReadLimit(longestOne)
	s := &session{conn: conn, ctx: ctx, every: pingEvery}
	s.stop = context.AfterFunc(ctx, s.hangUp)
	return s, nil
}

// socket is the URL of the gateway's WebSocket: http becomes ws, https wss.
func (r *reach) socket() (string, error) {
	at, err := url.Parse(strings.TrimRight(r.Gateway, "/"))
	if err != nil {
		return "", usagef("--gateway: %w", err)
	}
	secure := map[string]string{"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
	if at.Scheme = secure[at.Scheme]; at.Scheme == "" || at.Host == "" {
		return "", usagef("--gateway %s: want a URL such as http://127.0.0.1:8081", r.Gateway)
	}
	at.Path += "/api/ws"
	if r.Public {
		at.Path += "-public"
	}
	return at.String(), nil
}

// logon authorizes the session (docs/protocol.md, Logon).
func (s *session) logon(key, secret string) error {
	stamp := signature.Timestamp(time.Now())
	err := s.write(map[string]any{"e": "auth", "oid": "auth", "auth": map[string]string{
		"key": key, "timestamp": stamp, "signature": signature.SignWS([]byte(secret), stamp, key),
	}})
	if err != nil {
		return err
	}
	answer, err := s.answer("auth", nil)
	if err == nil && answer.OK != "ok" {
		err = refuse("the logon was refused", answer)
	}
	return err
}

// ask sends one message and returns its answer, whatever it says. The data goes
// as it is: what is wrong with it the gateway says, as over REST. A push that
// comes in between goes to the function. Each message has an oid that no other
// session has, so that the same order can be meant twice.
func (s *session) ask(e string, data []byte, push func(*message) error) (*message, error) {
	name, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	oid := latchkey.NewID("call")
	if err := s.send(fmt.Appendf(nil, `{"e":%s,"oid":"%s","data":%s}`, name, oid, data)); err != nil {
		return nil, err
	}
	return s.answer(oid, push)
}

// answer reads until the answer to an oid.
func (s *session) answer(oid string, push func(*message) error) (*message, error) {
	for {
		m, err := s.read()
		switch {
		case err != nil:
			return nil, err
		case m.OID == oid:
			return m, nil
		case m.OID == "" && push != nil:
			if err := push(m); err != nil {
				return nil, err
			}
		}
	}
}

// read returns the next message that says something: no pong. A connection that
// ended is an error with the reason that the gateway gave.
func (s *session) read() (*message, error) {
	for {
		// Pings keep answers coming: a longer silence is a dead line.
		if err := s.conn.SetReadDeadline(time.Now().Add(answerTime)); err != nil {
			return nil, s.ended(err)
		}
		_, text, err := s.conn.ReadMessage()
		if err != nil {
			return nil, s.ended(err)
		}
		m := &message{raw: text}
		if err := json.Unmarshal(text, m); err != nil {
			return nil, fmt.Errorf("a message that is not in the protocol came: %w", err)
		}
		switch m.E {
		case "pong":
		case "disconnected":
			s.last = m
		default:
			return m, nil
		}
	}
}

// ended says why there is no more to read.
func (s *session) ended(err error) error {
	if s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	closed, polite := errors.AsType[*websocket.CloseError](err)
	if s.last == nil {
		return fmt.Errorf("the connection broke off, and no reason was given: %w", err)
	}
	text := "disconnected: " + printable(s.last.Reason)
	if polite {
		text += fmt.Sprintf(" (close %d)", closed.Code)
	}
	return latchkey.Errorf(latchkey.KindConflict, cmp.Or(s.last.Code, "disconnected"), "%s", text)
}

// keepAlive pings until the session ends: whoever only listens sends nothing
// else, and the gateway would take the silence for a client that is gone.
func (s *session) keepAlive() {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
			if s.send([]byte(`{"e":"ping"}`)) != nil {
				return // the reader says why
			}
		}
	}
}

func (s *session) write(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.send(text)
}

// send writes one message. After a failed write the reader finds out why: the
// gateway's last words may be waiting there.
func (s *session) send(text []byte) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	err := s.conn.SetWriteDeadline(time.Now().Add(answerTime))
	if err == nil {
		err = s.conn.WriteMessage(websocket.TextMessage, text)
	}
	if err != nil && s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	return err
}

// hangUp ends the connection in the way of RFC 6455, 7.1.2, without waiting for
// the gateway's side of it: nothing more is wanted from there.
func (s *session) hangUp() {
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = s.conn.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
	_ = s.conn.Close()
}

func (s *session) close() {
	if s.stop() {
		s.hangUp()
	}
}
