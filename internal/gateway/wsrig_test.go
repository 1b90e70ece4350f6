package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey"
	"latchkey/identity"
	"latchkey/internal/gateway"
	"latchkey/signature"

	"github.com/fasthttp/websocket"
)

// wsExchange is the WebSocket side of the exchange behind a rig: it notes what
// arrives and answers each call with its own text.
type wsExchange struct {
	mu     sync.Mutex
	got    []string                  // messages, in the order of their arrival
	caller []identity.Caller         // of each session
	open   []*websocket.Conn         // sessions, to push on and to break
	serve  func(*websocket.Conn)     // nil: the usual way
	refuse func(account string) bool // sessions of an account; nil: none

	sending sync.Mutex
}

// upgrader answers the gateway.
var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

func (e *exchange) serveWS(w http.ResponseWriter, r *http.Request) {
	caller, err := identity.Verify([]byte(shared), e.clock(), identity.Window, r.Header, r.Method, identity.Target(r), nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	if e.ws.refuse != nil && e.ws.refuse(caller.Account) {
		http.Error(w, "not here", http.StatusForbidden)
		return
	}
	// Noted before the answer: the bot's session may be over before this
	// goroutine runs again.
	e.ws.mu.Lock()
	e.ws.caller = append(e.ws.caller, caller)
	e.ws.mu.Unlock()
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	e.ws.mu.Lock()
	e.ws.open = append(e.ws.open, conn)
	serve := e.ws.serve
	e.ws.mu.Unlock()
	if serve == nil {
		serve = e.ws.echo
	}
	serve(conn)
}

// echo says "connected" and answers each call.
func (x *wsExchange) echo(conn *websocket.Conn) {
	if x.send(conn, []byte(`{"e":"connected"}`)) != nil {
		return
	}
	for {
		_, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		x.mu.Lock()
		x.got = append(x.got, string(message))
		x.mu.Unlock()
		var m struct{ E, OID string }
		if json.Unmarshal(message, &m) != nil {
			return
		}
		if x.send(conn, fmt.Appendf(nil, `{"e":%q,"oid":%q,"data":{"n":%d},"ok":"ok"}`, m.E, m.OID, len(message))) != nil {
			return
		}
	}
}

// send lets a test write beside echo.
func (x *wsExchange) send(conn *websocket.Conn, message []byte) error {
	x.sending.Lock()
	defer x.sending.Unlock()
	return conn.WriteMessage(websocket.TextMessage, message)
}

// take returns what arrived since the last take.
func (x *wsExchange) take() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	got := x.got
	x.got = nil
	return got
}

// callers returns who opened the sessions at the exchange.
func (x *wsExchange) callers() []identity.Caller {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]identity.Caller(nil), x.caller...)
}

// sessions returns the exchange's ends of the sessions.
func (x *wsExchange) sessions() []*websocket.Conn {
	x.mu.Lock()
	defer x.mu.Unlock()
	return append([]*websocket.Conn(nil), x.open...)
}

// bot is a client over WebSocket.
type bot struct {
	t testing.TB
	*websocket.Conn
}

// note is any message that a bot reads.
type note struct {
	E       string `json:"e"`
	OID     string `json:"oid"`
	OK      string `json:"ok"`
	Reason  string `json:"reason"`
	Code    string `json:"code"`
	RetryMs int64  `json:"retryAfterMs"`
	Data    struct {
		OK    string `json:"ok"`
		Error string `json:"error"`
		Code  string `json:"code"`
		ID    string `json:"requestId"`
		N     int    `json:"n"`
	} `json:"data"`
	raw string
}

// bot opens a connection and reads "connected".
func (r *rig) bot(path string) bot {
	r.t.Helper()
	b := r.knock(path)
	if n := b.read(); n.E != "connected" {
		r.t.Fatalf("the first message is %s", n.raw)
	}
	return b
}

// knock only opens a connection.
func (r *rig) knock(path string) bot {
	r.t.Helper()
	conn, answer, err := websocket.DefaultDialer.Dial("ws://"+r.address+path, nil)
	if err != nil {
		r.t.Fatalf("%v: %v", err, answer)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	// A test that waits for ever says nothing.
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	return bot{r.t, conn}
}

// logged is a bot with an authorized session.
func (r *rig) logged() bot {
	r.t.Helper()
	b := r.bot("/api/ws")
	b.auth(keyID, string(secret), fmt.Sprint(r.clock().Unix()))
	if n := b.read(); n.E != "auth" || n.OK != "ok" || n.Data.OK != "ok" {
		r.t.Fatalf("auth was answered with %s", n.raw)
	}
	return b
}

// auth sends a logon with a literal timestamp.
func (b bot) auth(key, secret, timestamp string) {
	b.t.Helper()
	b.say(fmt.Sprintf(`{"e":"auth","oid":"auth","auth":{"key":%q,"signature":%q,"timestamp":%s}}`,
		key, signature.SignWS([]byte(secret), strings.Trim(timestamp, `"`), key), timestamp))
}

func (b bot) say(text string) {
	b.t.Helper()
	if err := b.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		b.t.Fatal(err)
	}
}

func (b bot) read() note {
	b.t.Helper()
	_, message, err := b.ReadMessage()
	if err != nil {
		b.t.Fatalf("no message: %v", err)
	}
	n := note{raw: string(message)}
	if err := json.Unmarshal(message, &n); err != nil {
		b.t.Fatalf("%q: %v", message, err)
	}
	return n
}

// ask sends a call and reads the next message.
func (b bot) ask(action, oid, data string) note {
	b.t.Helper()
	b.say(fmt.Sprintf(`{"e":%q,"oid":%q,"data":%s}`, action, oid, data))
	return b.read()
}

// gone checks that the connection ends with "disconnected" and a close frame.
func (b bot) gone(status int, code string) {
	b.t.Helper()
	n := b.read()
	if n.E != "disconnected" || n.Code != code || n.Reason == "" {
		b.t.Errorf("before the close stands %s, want disconnected, %s", n.raw, code)
	}
	if _, text, err := b.ReadMessage(); !websocket.IsCloseError(err, status) {
		b.t.Errorf("the connection ends with %q, %v, want close %d", text, err, status)
	}
}

// change brings the rig's key to another version.
func (r *rig) change(sessions *gateway.Sessions, change func(*latchkey.Key)) {
	r.mu.Lock()
	r.key.Version++
	change(&r.key)
	key := r.key
	r.mu.Unlock()
	sessions.Put(key, "")
}
