package gateway_test

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/gateway"

	"github.com/fasthttp/websocket"
)

// broker is an exchange of raw connections, behind a rig's gateway.
func broker(t testing.TB, serve func(net.Conn)) func(*gateway.Config) {
	t.Helper()
	l := listen(t)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { defer c.Close(); serve(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return func(c *gateway.Config) {
		c.Upstream = &url.URL{Scheme: "http", Host: l.Addr().String()}
		c.UpstreamTimeout = 300 * time.Millisecond
	}
}

// asked reads the gateway's handshake.
func asked(c net.Conn) {
	buf := make([]byte, 4096)
	for got := ""; !strings.Contains(got, "\r\n\r\n"); {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		got += string(buf[:n])
	}
}

// An exchange that opens no session is told of at the logon, and nothing else
// happened.
func TestAnExchangeThatOpensNoSession(t *testing.T) {
	answer := func(text string) func(net.Conn) {
		return func(c net.Conn) { asked(c); _, _ = io.WriteString(c, text) }
	}
	for name, serve := range map[string]func(net.Conn){
		"hangs up":         func(net.Conn) {},
		"never answers":    func(c net.Conn) { asked(c); _, _ = c.Read(make([]byte, 1)) },
		"refuses":          answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}"),
		"is in trouble":    answer("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
		"says 200":         answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
		"sends elsewhere":  answer("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
		"does not know it": answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n"),
		"speaks h2c":       answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
		"sends garbage":    answer("\x00\xff garbage \r\n\r\n"),
		"is endless":       func(c net.Conn) { asked(c); endless(c) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, broker(t, serve))
			b := r.bot("/api/ws")
			b.auth(keyID, string(secret), "1700000040")
			if n := b.read(); n.OK != "" || n.Data.Code != "upstream_unavailable" {
				t.Errorf("auth is answered with %s", n.raw)
			}
			back := b.wentAway(1013)
			if back < 500 || back >= 5500 {
				t.Errorf("retryAfterMs is %d", back)
			}
			r.pass(time.Minute) // it was let rest
			p := r.bot("/api/ws-public")
			if n := p.ask("get_ticker", "1", "{}"); n.OK != "" || n.Data.Code != "upstream_unavailable" {
				t.Errorf("a public call is answered with %s", n.raw)
			}
			p.wentAway(1013)
			_, _ = b.Close(), p.Close()
			r.empty()
		})
	}
}

func endless(c net.Conn) {
	if _, err := io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n"); err != nil {
		return
	}
	for line := []byte("X-A: " + stars(1000) + "\r\n"); ; {
		if _, err := c.Write(line); err != nil {
			return
		}
	}
}

// wentAway checks the end of a session that has no exchange, and returns after
// how long the client is to come back.
func (b bot) wentAway(status int) int64 {
	b.t.Helper()
	n := b.read()
	if n.E != "disconnected" || n.Code != "upstream_unavailable" {
		b.t.Errorf("before the close stands %s", n.raw)
	}
	if _, text, err := b.ReadMessage(); !websocket.IsCloseError(err, status) {
		b.t.Errorf("the connection ends with %q, %v, want close %d", text, err, status)
	}
	return n.RetryMs
}

// Whatever ends the exchange's side ends the session, after everything that
// came before it was handed on, and nothing that cannot be text is.
func TestAnExchangeThatEndsTheSession(t *testing.T) {
	say := func(c *websocket.Conn, s string) { _ = c.WriteMessage(websocket.TextMessage, []byte(s)) }
	for name, end := range map[string]func(*websocket.Conn){
		"dies": func(c *websocket.Conn) { _ = c.NetConn().(*net.TCPConn).SetLinger(0); _ = c.Close() },
		"closes": func(c *websocket.Conn) {
			_ = c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""))
		},
		"half closes":       func(c *websocket.Conn) { _ = c.NetConn().(*net.TCPConn).CloseWrite() },
		"says disconnected": func(c *websocket.Conn) { say(c, `{"e":"disconnected","reason":"night"}`); say(c, `{"e":"late"}`) },
		"sends binary":      func(c *websocket.Conn) { _ = c.WriteMessage(websocket.BinaryMessage, []byte(`{"e":"x"}`)) },
		"sends 10 MB":       func(c *websocket.Conn) { say(c, stars(10<<20)) },
		"sends no UTF-8":    func(c *websocket.Conn) { say(c, "{\"e\":\"\xff\"}") },
		"announces 2^63":    func(c *websocket.Conn) { _, _ = c.NetConn().Write([]byte("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff")) },
		"sends no frames":   func(c *websocket.Conn) { _, _ = io.WriteString(c.NetConn(), "HTTP/1.1 200 OK\r\n\r\n") },
		"masks":             func(c *websocket.Conn) { _, _ = io.WriteString(c.NetConn(), frame(fin|text, "{}")) },
		"sends half":        func(c *websocket.Conn) { _, _ = io.WriteString(c.NetConn(), "\x81\x05{}"); _ = c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			r := build(t)
			r.exchange.ws.serve = func(c *websocket.Conn) {
				say(c, `{"e":"connected"}`)
				if _, _, err := c.ReadMessage(); err != nil {
					return
				}
				say(c, `{"e":"tradeUpdate","data":"connected\""}`)
				say(c, `no JSON, but text`)
				end(c)
				_, _, _ = c.ReadMessage() // until the gateway has closed
			}
			r.start()
			b := r.logged()
			b.say(`{"e":"get_my_orders","oid":"1","data":{}}`)
			for _, want := range []string{`{"e":"tradeUpdate","data":"connected\""}`, `no JSON, but text`} {
				if _, got, err := b.ReadMessage(); string(got) != want {
					t.Fatalf("the client got %.100q, %v, want %q", got, err, want)
				}
			}
			if back := b.wentAway(1012); back < 500 || back >= 5500 {
				t.Errorf("retryAfterMs is %d", back)
			}
			_ = b.Close()
			r.empty()
		})
	}
}

// The exchange's greeting is its own; one that sends none is spoken to all the
// same.
func TestAnExchangeThatDoesNotGreet(t *testing.T) {
	r := build(t)
	r.exchange.ws.serve = mirror
	r.start()
	b := r.logged()
	for _, m := range []string{`{"e":"get_my_orders","oid":"1"}`, `{"e":"get_my_orders","oid":"2","data":{"e":"connected"}}`} {
		b.say(m)
		if n := b.read(); n.raw != m {
			t.Errorf("answered with %s, want %s", n.raw, m)
		}
	}
}

// An exchange that hangs keeps no change of a key waiting, and gets nothing
// more once the change is acknowledged.
func TestAHangingExchangeHoldsNoChangeUp(t *testing.T) {
	r := build(t, roomy)
	stuck, got := make(chan struct{}), make(chan int, 1)
	const late = "sent after the change"
	r.exchange.ws.serve = func(c *websocket.Conn) {
		<-stuck
		n := 0
		for {
			_, m, err := c.ReadMessage()
			if err != nil {
				got <- n
				return
			}
			if n++; strings.Contains(string(m), late) {
				t.Error("the exchange gets what was sent after the change was acknowledged")
			}
		}
	}
	r.start()
	b := r.logged()
	sent := 0
	for order := []byte(`{"e":"get_my_orders","oid":"1","data":"` + stars(60_000) + `"}`); ; sent++ {
		if err := b.SetWriteDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if b.WriteMessage(websocket.TextMessage, order) != nil {
			break // everything in between is full
		}
	}
	begin := time.Now()
	r.change(r.gateway.Sessions, func(k *latchkey.Key) { k.Status = latchkey.StatusInactive })
	if took := time.Since(begin); took > time.Second {
		t.Errorf("the change took %v", took)
	}
	_, _ = io.WriteString(b.NetConn(), frame(fin|text, `{"e":"get_my_orders","oid":"`+late+`"}`))
	close(stuck)
	if n := <-got; n > sent {
		t.Errorf("%d messages arrived, and %d were sent", n, sent)
	}
	_ = b.Close()
	r.empty()
}

// When an exchange is away and everybody comes back at once, few of them dial;
// the others are told at once when to come again, each at another moment.
func TestAStormOfReconnectsIsBounded(t *testing.T) {
	const clients = 500
	for name, hangs := range map[string]bool{"refuses": false, "hangs": true} {
		t.Run(name, func(t *testing.T) {
			var dials, open, most atomic.Int64
			r := newRig(t, roomy, broker(t, func(c net.Conn) {
				dials.Add(1)
				n := open.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				if hangs {
					asked(c)
					_, _ = c.Read(make([]byte, 1))
				}
				open.Add(-1)
			}))
			back := make(chan int64, clients)
			storm := func() {
				bots := make([]bot, clients)
				for i := range bots {
					bots[i] = r.bot("/api/ws")
				}
				for _, b := range bots { // all at once
					b.auth(keyID, string(secret), fmt.Sprint(r.clock().Unix()))
				}
				for _, b := range bots {
					if n := b.read(); n.Data.Code != "upstream_unavailable" {
						t.Errorf("answered with %s", n.raw)
					}
					back <- b.wentAway(1013)
					_ = b.Close()
				}
			}
			storm()
			if n := dials.Load(); n < 1 || n > gateway.MostDials || most.Load() > gateway.MostDials {
				t.Errorf("%d dials, %d at once, want at most %d", n, most.Load(), gateway.MostDials)
			}
			spread(t, back, clients)
			before := dials.Load()
			r.rests(before, &dials)
			r.empty()
		})
	}
}

// spread checks that clients come back over seconds and not at one moment.
func spread(t *testing.T, back chan int64, clients int) {
	t.Helper()
	slots := map[int64]int{}
	for range clients {
		ms := <-back
		if ms < 500 || ms >= 5500 {
			t.Fatalf("retryAfterMs is %d", ms)
		}
		slots[(ms-500)/500]++
	}
	for i := range int64(10) {
		if n := slots[i]; n < clients/50 || n > clients/5 {
			t.Errorf("%d of %d come back in half second %d", n, clients, i)
		}
	}
}

// rests checks that the exchange is asked by one at a time, less and less often.
func (r *rig) rests(before int64, dials *atomic.Int64) {
	r.t.Helper()
	try := func() int64 {
		b := r.bot("/api/ws")
		b.auth(keyID, string(secret), fmt.Sprint(r.clock().Unix()))
		b.read()
		_ = b.Close()
		return dials.Load() - before
	}
	pauses := []time.Duration{100, 200, 400, 800, 1600, 3200, 5000, 5000}
	for i, ms := range pauses {
		if got := try(); got != int64(i) {
			r.t.Fatalf("in pause %d there were %d dials", i, got)
		}
		r.pass(ms*time.Millisecond - 1)
		if got := try(); got != int64(i) {
			r.t.Fatalf("at the end of pause %d there were %d dials", i, got)
		}
		r.pass(1)
		if got := try(); got != int64(i)+1 {
			r.t.Fatalf("after pause %d there were %d dials", i, got)
		}
	}
}

// An exchange that refuses one client is there for the others.
func TestARefusedSessionKeepsNobodyElseOut(t *testing.T) {
	r := build(t)
	other := theKey()
	other.ID, other.AccountID = "lk_two", "acc_two"
	r.table.Put(other, secret)
	r.exchange.ws.refuse = func(account string) bool { return account == "acc_two" }
	r.start()
	for range 3 {
		b := r.bot("/api/ws")
		b.auth("lk_two", string(secret), "1700000040")
		if n := b.read(); n.Data.Code != "upstream_unavailable" {
			t.Errorf("answered with %s", n.raw)
		}
		b.wentAway(1013)
		r.logged()
	}
}

// Everybody who loses the exchange is sent away at once, and spread.
func TestTheEndOfTheExchangeEndsEverySession(t *testing.T) {
	r := newRig(t, roomy)
	bots := make([]bot, 100)
	for i := range bots {
		bots[i] = r.logged()
	}
	// A bot may be answered before the exchange's own side has begun.
	until(t, "the exchange has all sessions", func() bool { return len(r.exchange.ws.sessions()) == len(bots) })
	for _, c := range r.exchange.ws.sessions() {
		_ = c.Close()
	}
	back := make(chan int64, len(bots))
	for _, b := range bots {
		back <- b.wentAway(1012)
		_ = b.Close()
	}
	lowest, highest := int64(1<<62), int64(0)
	for range bots {
		ms := <-back
		lowest, highest = min(lowest, ms), max(highest, ms)
	}
	if lowest < 500 || highest >= 5500 || highest-lowest < 2500 {
		t.Errorf("they come back between %d and %d ms", lowest, highest)
	}
	r.empty()
}
