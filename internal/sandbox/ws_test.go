package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"go.uber.org/goleak"

	"latchkey"
	"latchkey/identity"
)

// No session may outlive its exchange.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// overhear lets a session without a connection listen; the test reads its queue.
func (d *desk) overhear(topics ...topic) *session {
	s := newSession(identity.Caller{}, nil)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range topics {
		d.hear(t, s)
	}
	return s
}

// received is a message as a client sees it. raw is the whole text.
type received struct {
	E, OID, OK, Reason string
	Data               json.RawMessage
	raw                string
}

// bot is the gateway's leg of a client's session.
type bot struct {
	*websocket.Conn
	t testing.TB
}

// serve opens the exchange on a real socket until the test ends.
func (d *desk) serve() *httptest.Server {
	server := httptest.NewServer(d.Handler())
	d.t.Cleanup(func() {
		d.close()
		server.Close()
	})
	return server
}

// shake makes a handshake with the identity of a caller, signed as the gateway does.
func (d *desk) shake(dialer *websocket.Dialer, base, target string, caller identity.Caller) (*websocket.Conn, *http.Response, error) {
	headers, err := identity.Sign(testSecret, d.clock, caller, "GET", target, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	h := http.Header{}
	for _, header := range headers {
		h.Set(header.Name, header.Value)
	}
	return dialer.Dial(strings.Replace(base, "http://", "ws://", 1)+"/api/"+target, h)
}

// dial opens a session and takes its greeting.
func (d *desk) dial(base, target string, caller identity.Caller) *bot {
	d.t.Helper()
	conn, _, err := d.shake(websocket.DefaultDialer, base, target, caller)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second)) // a missing message fails, it does not hang
	b := &bot{conn, d.t}
	if m := b.next(); m.raw != `{"e":"connected"}` {
		d.t.Fatalf("greeted with %s", m.raw)
	}
	return b
}

func (b *bot) next() received {
	b.t.Helper()
	_, text, err := b.ReadMessage()
	if err != nil {
		b.t.Fatal(err)
	}
	m := received{raw: string(text)}
	if err := json.Unmarshal(text, &m); err != nil {
		b.t.Fatalf("%s: %v", text, err)
	}
	return m
}

func (b *bot) say(text string) {
	b.t.Helper()
	if err := b.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		b.t.Fatal(err)
	}
}

// ask sends a request and returns its answer; pushes before it are passed over.
func (b *bot) ask(e, oid, data string) received {
	b.t.Helper()
	b.say(fmt.Sprintf(`{"e":%q,"oid":%q,"data":%s}`, e, oid, data))
	for {
		if m := b.next(); m.OID == oid {
			return m
		}
	}
}

// mustEnd checks that the session says why it ends and closes with the code.
func (b *bot) mustEnd(code int, reason string) {
	b.t.Helper()
	if m := b.next(); m.E != "disconnected" || !strings.Contains(m.Reason, reason) {
		b.t.Errorf("got %s, want disconnected because of %q", m.raw, reason)
	}
	_, _, err := b.ReadMessage()
	if e, ok := errors.AsType[*websocket.CloseError](err); !ok || e.Code != code {
		b.t.Errorf("the connection ended with %v, want close %d", err, code)
	}
}

func nobody() identity.Caller { return identity.Caller{RequestID: "r-1"} }

// Both transports are one exchange: what one answers, the other answers too.
func TestEveryActionAnswersOverWebSocketAsOverREST(t *testing.T) {
	d := newDesk(t)
	url := d.serve().URL
	private, public := d.dial(url, "ws", signed("acme", everything...)), d.dial(url, "ws-public", nobody())
	for _, a := range d.catalog.Actions() {
		for _, body := range []string{`{}`, requestOf(d, &a)} {
			if a.WS {
				code, rest := d.call("acme", a.Name, body)
				d.compare(t, &a, private.ask(a.Name, "o-1", body), a.REST, code, rest)
			}
			if a.PublicWS {
				code, rest := d.public(a.Name, body)
				d.compare(t, &a, public.ask(a.Name, "o-1", body), a.PublicREST, code, rest)
			}
		}
	}
	d.mustBalance()
}

// requestOf is a request that most actions accept.
func requestOf(d *desk, a *latchkey.Action) string {
	if a.Name == "do_my_new_order" {
		return d.orderBody("BUY", "Limit", `"amountCcy1":"0.01","price":"7500","clientOrderId":"same"`)
	}
	return `{"pair":"BTC-USD","accountId":"sub1","currency":"BTC","blockchain":"bitcoin","resolution":"1m","dataType":"bestBid",
		"toISO":1772452830000,"clientOrderId":"same","cancelRequestId":"c","timestamp":1,"side":"BUY","counterCurrency":"USD","amount":"0.5"}`
}

// compare holds an answer against what REST said to the same request.
func (d *desk) compare(t *testing.T, a *latchkey.Action, got received, rest bool, code int, body string) {
	t.Helper()
	var want struct {
		Data  json.RawMessage
		Error string
	}
	switch {
	case !rest: // a subscription
		if got.OK != "ok" && !strings.Contains(got.raw, `"data":{"error":"Mandatory parameter pair is missing"}`) {
			t.Errorf("%s answers %s", a.Name, got.raw)
		}
	case json.Unmarshal([]byte(body), &want) != nil:
		t.Errorf("%s: REST answers %s", a.Name, body)
	case code != 200:
		expect(t, a.Name, got.raw, fmt.Sprintf(`{"e":%q,"oid":"o-1","data":{"error":%q}}`, a.Name, want.Error))
	// The second of two equal requests may have moved funds or an order already.
	case a.Mutating:
		if got.OK != "ok" && !strings.Contains(got.raw, "already used") {
			t.Errorf("%s answers %s, REST %s", a.Name, got.raw, body)
		}
	default:
		expect(t, a.Name, got.raw, fmt.Sprintf(`{"e":%q,"oid":"o-1","data":%s,"ok":"ok"}`, a.Name, want.Data))
	}
}

// Whoever reaches the exchange past the gateway gets no connection at all.
func TestAHandshakeNeedsTheGatewaysIdentity(t *testing.T) {
	d := newDesk(t)
	server := d.serve()
	for name, c := range map[string]struct {
		target string
		caller identity.Caller
		change func(http.Header)
		want   int
	}{
		"no identity":              {"ws", signed("acme", "read"), func(h http.Header) { clear(h) }, 401},
		"no identity in public":    {"ws-public", nobody(), func(h http.Header) { clear(h) }, 401},
		"another account":          {"ws", signed("acme", "read"), func(h http.Header) { h.Set(identity.AccountHeader, "bob") }, 401},
		"more permissions":         {"ws", signed("acme", "read"), func(h http.Header) { h.Set(identity.PermissionsHeader, "read,trade") }, 401},
		"nobody at the key's door": {"ws", nobody(), nil, 400},
		"a key at the public door": {"ws-public", signed("acme", "read"), nil, 400},
		"a query":                  {"ws?x=1", signed("acme", "read"), nil, 400},
		"no upgrade":               {"ws", signed("acme", "read"), nil, 400},
	} {
		t.Run(name, func(t *testing.T) {
			headers, err := identity.Sign(testSecret, d.clock, c.caller, "GET", c.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			r, _ := http.NewRequest("GET", server.URL+"/api/"+c.target, nil)
			for _, h := range headers {
				r.Header.Set(h.Name, h.Value)
			}
			if c.change != nil {
				c.change(r.Header)
			}
			if name != "no upgrade" {
				r.Header.Set("Connection", "Upgrade")
				r.Header.Set("Upgrade", "websocket")
				r.Header.Set("Sec-WebSocket-Version", "13")
				r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
			}
			answer, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != c.want {
				t.Fatalf("got %d, want %d", answer.StatusCode, c.want)
			}
			if text, _ := io.ReadAll(answer.Body); !strings.HasPrefix(string(text), `{"error":`) {
				t.Errorf("got %s", text)
			}
		})
	}
	if len(d.clients) != 0 {
		t.Error("a refused handshake opened a client")
	}
}

// What cannot be answered ends the session; what is merely wrong does not.
func TestBadInputIsAnsweredOrEndsTheSession(t *testing.T) {
	d := newDesk(t)
	url := d.serve().URL
	for _, c := range []struct{ name, text, answer, reason string }{
		{"no JSON", `hello`, "", "one JSON object"},
		{"an array", `[]`, "", "one JSON object"},
		{"null", `null`, "", "one JSON object"},
		{"bad UTF-8", "{\"e\":\"ping\",\"x\":\"\xff\"}", "", "one JSON object"},
		{"no type", `{"oid":"1"}`, "", "must have an e"},
		{"type in capitals", `{"E":"ping"}`, "", "must have an e"},
		{"no oid", `{"e":"get_ticker","data":{}}`, "", "must have an oid"},
		{"oid is a number", `{"e":"get_ticker","oid":1}`, "", "must have an oid"},
		{"oid is null", `{"e":"get_ticker","oid":null}`, "", "must have an oid"},
		{"unknown type", `{"e":"get_rich","oid":"1"}`, `{"e":"get_rich","oid":"1","data":{"error":"Unsupported message type get_rich"}}`, "Unsupported message type get_rich"},
		{"unknown type of long letters", `{"e":"` + strings.Repeat("語", 60) + `","oid":"1"}`,
			`{"e":"` + strings.Repeat("語", 60) + `","oid":"1","data":{"error":"Unsupported message type ` + strings.Repeat("語", 40) + `..."}}`, "語"},
		{"auth", `{"e":"auth","oid":"auth","auth":{}}`, `{"e":"auth","oid":"auth","data":{"error":"Unsupported message type auth"}}`, "Unsupported message type auth"},
		{"only public", `{"e":"get_demo_order_book","oid":"1"}`, `{"e":"get_demo_order_book","oid":"1","data":{"error":"Unsupported message type get_demo_order_book"}}`, "Unsupported"},
		{"a push's name", `{"e":"executionReport","oid":"1"}`, `{"e":"executionReport","oid":"1","data":{"error":"Unsupported message type executionReport"}}`, "Unsupported"},
		{"data is text", `{"e":"get_my_orders","oid":"1","data":"x"}`, `{"e":"get_my_orders","oid":"1","data":{"error":"Bad Request"}}`, ""},
		{"unknown pair", `{"e":"trade_subscribe","oid":"1","data":{"pair":"A-B"}}`, `{"e":"trade_subscribe","oid":"1","data":{"error":"Unsupported pair A-B"}}`, ""},
		{"no data, some needed", `{"e":"get_order_book","oid":"1"}`, `{"e":"get_order_book","oid":"1","data":{"error":"Mandatory parameter pair is missing"}}`, ""},
		{"no data, none needed", `{"e":"get_my_orders","oid":"1"}`, `{"e":"get_my_orders","oid":"1","data":[],"ok":"ok"}`, ""},
		{"data is null", `{"e":"get_my_orders","oid":"1","data":null}`, `{"e":"get_my_orders","oid":"1","data":[],"ok":"ok"}`, ""},
		{"no permission", `{"e":"do_my_new_order","oid":"1","data":{}}`, `{"e":"do_my_new_order","oid":"1","data":{"error":"Permission Trade is required for do_my_new_order"}}`, ""},
		{"ping", `{"e":"ping"}`, `{"e":"pong"}`, ""},
		{"ping with an oid", `{"e":"ping","oid":"1","data":{}}`, `{"e":"pong"}`, ""},
		{"too long", `{"e":"ping","x":"` + strings.Repeat("x", longestBody) + `"}`, "", "longer than 1 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := d.dial(url, "ws", signed("acme", "read"))
			b.t = t
			b.say(c.text)
			if c.answer != "" {
				expect(t, "answer", b.next().raw, c.answer)
			}
			switch {
			case c.reason == "":
				expect(t, "afterwards", b.ask("get_server_time", "2", `{}`).OK, "ok")
			case c.name == "too long":
				b.mustEnd(websocket.CloseMessageTooBig, c.reason)
			default:
				b.mustEnd(websocket.CloseNormalClosure, c.reason)
			}
		})
	}
	b := d.dial(url, "ws-public", nobody())
	if err := b.WriteMessage(websocket.BinaryMessage, []byte(`{"e":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	b.mustEnd(websocket.CloseNormalClosure, "not binary")
	b = d.dial(url, "ws-public", nobody())
	expect(t, "a private action in public", b.ask("get_my_orders", "1", `{}`).OK, "")
	b.mustEnd(websocket.CloseNormalClosure, "Unsupported message type get_my_orders")
}

// A message longer than fits must not cost the client the reason: it is still
// sending when the session ends.
func TestWhoIsStillSendingLearnsWhyTheSessionEnds(t *testing.T) {
	d := newDesk(t)
	b := d.dial(d.serve().URL, "ws-public", nobody())
	for range 200 {
		b.say(`{"e":"unknown","oid":"1"}`)
	}
	expect(t, "answer", b.next().E, "unknown")
	b.mustEnd(websocket.CloseNormalClosure, "Unsupported")
}

// A server that stops says so to each session, and waits for their end.
func TestStoppingEndsEverySession(t *testing.T) {
	d := newDesk(t)
	server := d.serve()
	bots := []*bot{d.dial(server.URL, "ws", signed("acme", everything...)), d.dial(server.URL, "ws-public", nobody())}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		d.Run(ctx)
		close(ended)
	}()
	cancel()
	for _, b := range bots {
		b.mustEnd(websocket.CloseGoingAway, "stops")
	}
	<-ended
	if len(d.sessions)+len(d.audience) != 0 {
		t.Errorf("%d sessions and %d topics are left", len(d.sessions), len(d.audience))
	}
	_, answer, err := d.shake(websocket.DefaultDialer, server.URL, "ws-public", nobody())
	if err == nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after the end a handshake got %v", err)
	}
}

// A parser that the internet reaches must not fall over, and what it lets
// through must be answerable.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{`{"e":"ping"}`, `{"e":"get_ticker","oid":"1","data":{}}`, `{"e":"a","oid":1}`, `[]`, `null`, `{"e":"x","oid":"\ud800"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, reason := readRequest(text)
		if ok := reason == ""; ok != (r.e != "") || ok && r.e != "ping" && r.oid == "" {
			t.Errorf("%q: %+v, %s", text, r, reason)
		}
		if _, err := json.Marshal(message{E: r.e, OID: r.oid}); err != nil {
			t.Error(err)
		}
	})
}
