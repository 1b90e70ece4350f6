package gateway_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey"
	"latchkey/identity"
	"latchkey/internal/cluster"
	"latchkey/internal/gateway"
)

// Whatever a client calls its headers, the exchange gets those that the gateway
// wrote, and believes them.
func TestNoHeaderOfTheClientPassesForOurs(t *testing.T) {
	r := newRig(t)
	evil := []string{
		"Accept: text/evil", "User-Agent: bot/1", "Content-Type: text/plain; charset=utf-7", "Authorization: Bearer evil", "Cookie: a=evil",
		"Connection: Latchkey-Key, Latchkey-Signature, Content-Type", "X-Forwarded-For: 192.0.2.1", "X-ON-BEHALF-OF-USER-ID: evil",
		"X-On-Behalf-Of-User-Id: evil", "X_ON_BEHALF_OF_USER_ID: evil", "Transfer-Encoding2: chunked", "Forwarded: for=evil", "X-Real-IP: evil",
	}
	for _, name := range []string{identity.AccountHeader, identity.KeyHeader, identity.PermissionsHeader, identity.RequestIDHeader, identity.SignatureHeader} {
		low := strings.ToLower(name)
		for _, spelled := range []string{name, low, strings.ToUpper(name), strings.ReplaceAll(name, "-", "_"), strings.ReplaceAll(low, "-", "_"), "X-" + name, name + "-", "_" + name} {
			evil = append(evil, spelled+": evil")
		}
	}
	c := r.good()
	c.header = evil
	r.is(r.do(c.raw()), 200, "", "")
	got := r.exchange.take()
	if len(got) != 1 || got[0].err != nil || got[0].caller.Key != keyID {
		t.Fatalf("the exchange got %+v", got)
	}
	var names []string
	for name, values := range got[0].header {
		names = append(names, name)
		if len(values) != 1 || name != "Accept" && strings.Contains(values[0], "evil") {
			t.Errorf("%s: %q", name, values)
		}
	}
	slices.Sort(names)
	want := "[Accept Content-Length Content-Type Latchkey-Account Latchkey-Key Latchkey-Permissions Latchkey-Request-Id Latchkey-Signature User-Agent]"
	if fmt.Sprint(names) != want || got[0].header.Get("Content-Type") != "application/json" {
		t.Errorf("the exchange got %v, %v", names, got[0].header)
	}
}

func TestOnBehalfPassesOnlyWhereTheCatalogGrantsIt(t *testing.T) {
	r := newRig(t)
	for _, header := range []string{"X-ON-BEHALF-OF-USER-ID: up123", "x-on-behalf-of-user-id: up123"} {
		c := r.good().on("get_my_trading_conditions")
		c.header = []string{header}
		r.is(r.do(c.raw()), 200, "", "")
		if got := r.exchange.take(); got[0].header.Get("X-On-Behalf-Of-User-Id") != "up123" {
			t.Errorf("%s: %v", header, got[0].header)
		}
	}
	for _, header := range []string{"X-ON-BEHALF-OF-USER-ID: a\r\nX-ON-BEHALF-OF-USER-ID: b", "X-ON-BEHALF-OF-USER-ID: ", "X-ON-BEHALF-OF-USER-ID: a,b", "X-ON-BEHALF-OF-USER-ID: " + strings.Repeat("a", 129)} {
		c := r.good().on("get_my_trading_conditions")
		c.header = []string{header}
		r.is(r.do(c.raw()), 400, "bad_request", "one plain word")
	}
	if got := r.exchange.take(); len(got) > 0 {
		t.Errorf("the exchange got %+v", got)
	}
}

func TestTheAnswerPassesWithoutWhatConcernsTheConnection(t *testing.T) {
	r := newRig(t)
	for status, body := range map[int]string{200: `{"ok":"ok"}`, 204: "", 400: `{"error":"Bad"}`, 422: `{"error":"Mandatory parameter pair is missing"}`, 500: `{"error":"Unexpected error"}`} {
		r.exchange.answers(func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Content-Type", "application/vnd.exchange+json")
			h["X-A"] = []string{"1", "2"}
			h.Set("Connection", "X-Hop, close")
			h.Set("X-Hop", "1")
			h.Set("Latchkey-Request-Id", "forged")
			h.Set("Latchkey_Key", "forged")
			h.Set("Keep-Alive", "timeout=5")
			h.Set("Server", "exchange/1.2.3")
			h.Set("Set-Cookie", "a=b")
			h.Set("Cache-Control", "public, max-age=3600")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
		a := r.do(r.good().on("get_candles").raw())
		if a.StatusCode != status || a.body != body || fmt.Sprint(a.Header["X-A"]) != "[1 2]" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d: %v %q", a.StatusCode, a.Header, a.body)
		}
		if id := a.Header["Latchkey-Request-Id"]; len(id) != 1 || id[0] == "forged" {
			t.Errorf("request id %q", id)
		}
		for _, name := range []string{"Connection", "X-Hop", "Latchkey_key", "Latchkey_Key", "Keep-Alive", "Server", "Set-Cookie"} {
			if a.Header[name] != nil {
				t.Errorf("%s: %q", name, a.Header[name])
			}
		}
	}
}

// A long answer passes through: the gateway never holds more than a part of it.
func TestALongAnswerTakesLittleMemory(t *testing.T) {
	const size, part = 50 << 20, 64 << 10
	for name, length := range map[string]string{"with a length": fmt.Sprint(size), "chunked": ""} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			chunk := make([]byte, part)
			r.exchange.answers(func(w http.ResponseWriter, _ *http.Request) {
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
				for range size / part {
					_, _ = w.Write(chunk)
				}
			})
			c := r.dial()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			c.send(r.good().on("get_candles").raw())
			resp, err := http.ReadResponse(c.Reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{resp.Body}, make([]byte, part))
			runtime.ReadMemStats(&after)
			if n != size || err != nil {
				t.Errorf("%d bytes, %v", n, err)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
				t.Errorf("%d bytes were allocated", used)
			}
			r.exchange.answers(nil)
			c.send(r.good().raw()) // the connection is still in step
			r.is(c.receive(), 200, "", "")
		})
	}
}

// raw is an exchange that does what the test says with each connection.
func raw(t *testing.T, serve func(net.Conn, *bufio.Reader)) (*url.URL, *atomic.Int64) {
	t.Helper()
	l := listen(t)
	t.Cleanup(func() { _ = l.Close() })
	var requests atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b := bufio.NewReader(c)
				for {
					r, err := http.ReadRequest(b)
					if err != nil {
						return
					}
					if _, err := io.Copy(io.Discard, r.Body); err != nil {
						return
					}
					requests.Add(1)
					serve(c, b)
				}
			}()
		}
	}()
	return &url.URL{Scheme: "http", Host: l.Addr().String()}, &requests
}

func to(u *url.URL) func(*gateway.Config) {
	return func(c *gateway.Config) { c.Upstream, c.UpstreamTimeout = u, 300*time.Millisecond }
}

func TestABrokenExchangeIsNeverAskedTwice(t *testing.T) {
	write := func(text string) func(net.Conn, *bufio.Reader) {
		return func(c net.Conn, _ *bufio.Reader) { _, _ = io.WriteString(c, text); _ = c.Close() }
	}
	for name, serve := range map[string]func(net.Conn, *bufio.Reader){
		"hangs":        func(_ net.Conn, b *bufio.Reader) { _, _ = b.Peek(1) },
		"closes":       write(""),
		"half a line":  write("HTTP/1.1 20"),
		"half a head":  write("HTTP/1.1 200 OK\r\nContent-Le"),
		"half a body":  write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
		"garbage":      write("garbage\r\n\r\n"),
		"no protocol":  write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
		"a huge head":  write("HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 64<<10) + "\r\n\r\n"),
		"two lengths":  write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"),
		"bad encoding": write("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}"),
	} {
		t.Run(name, func(t *testing.T) {
			u, requests := raw(t, serve)
			r := newRig(t, to(u))
			order := r.good().raw()
			r.is(r.do(order), 502, "upstream_unavailable", "may have been executed")
			r.is(r.do(order), 409, "replayed", "") // the place in the replay set is kept
			if n := requests.Load(); n != 1 {
				t.Errorf("the exchange was asked %d times", n)
			}
			r.is(r.do(r.good().on("get_candles").raw()), 502, "upstream_unavailable", "may have been executed")
			if n := requests.Load(); n != 2 {
				t.Errorf("the exchange was asked %d times", n)
			}
		})
	}
}

func TestAnExchangeThatIsDownHasExecutedNothing(t *testing.T) {
	l := listen(t)
	u := &url.URL{Scheme: "http", Host: l.Addr().String()}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, to(u))
	r.is(r.do(r.good().raw()), 502, "upstream_unavailable", "not executed")
	r.is(r.do(r.good().raw()), 409, "replayed", "") // the decision of docs/protocol.md
}

// Half of a long answer must not look like a whole one.
func TestALongAnswerThatBreaksOffIsCut(t *testing.T) {
	for name, head := range map[string]string{"with a length": "Content-Length: 1000000", "chunked": "Transfer-Encoding: chunked"} {
		t.Run(name, func(t *testing.T) {
			u, _ := raw(t, func(c net.Conn, _ *bufio.Reader) {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n"+head+"\r\n\r\n20000\r\n"+strings.Repeat("a", 100_000))
				_ = c.Close()
			})
			r := newRig(t, to(u))
			c := r.dial()
			c.send(r.good().raw())
			resp, err := http.ReadResponse(c.Reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, resp.Body); err == nil {
				t.Errorf("%d bytes look like a whole answer", n)
			}
		})
	}
}

// An exchange that closes idle connections, as most do after some seconds,
// costs nobody an order: nothing was sent on the dead one.
func TestAConnectionThatDiedIdleIsPassedOver(t *testing.T) {
	r := build(t)
	r.gateway.Suspicious()
	r.start()
	for i := range 5 {
		r.pass(time.Second)
		r.is(r.do(r.good().raw()), 200, "", "")
		r.exchange.CloseClientConnections()
		if got := r.exchange.take(); len(got) != 1 {
			t.Errorf("order %d was executed %d times", i, len(got))
		}
	}
	// The twin: without a look the order's fate is not known.
	off := build(t)
	off.gateway.Trusting()
	off.start()
	unknown := 0
	for range 5 {
		off.pass(time.Second)
		if a := off.do(off.good().raw()); a.StatusCode == 502 {
			unknown++
		}
		off.exchange.CloseClientConnections()
	}
	if unknown == 0 {
		t.Error("without the look every order goes through all the same")
	}
}

func TestTheExchangeBehindTLS(t *testing.T) {
	r := newRig(t)
	secure := httptest.NewUnstartedServer(r.exchange)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // two handshakes are meant to fail
	secure.StartTLS()
	t.Cleanup(secure.Close)
	u, err := url.Parse(secure.URL + "/base/v1/")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	good := newRig(t, to(u), func(c *gateway.Config) { c.UpstreamTLS = &tls.Config{RootCAs: roots} })
	for range 3 {
		good.pass(time.Second)
		good.is(good.do(good.good().raw()), 200, "", "")
	}
	for _, got := range r.exchange.take() {
		if got.err != nil || got.target != "/base/v1/rest/do_my_new_order" {
			t.Errorf("the exchange got %+v", got)
		}
	}
	for name, config := range map[string]*tls.Config{"unknown authority": nil, "other name": {RootCAs: roots, ServerName: "other.example"}} {
		bad := newRig(t, to(u), func(c *gateway.Config) { c.UpstreamTLS = config })
		bad.is(bad.do(bad.good().raw()), 502, "upstream_unavailable", "not executed")
		if got := r.exchange.take(); len(got) > 0 {
			t.Errorf("%s: the exchange got %+v", name, got)
		}
	}
}

// hooked is a ledger with something that happens right behind the verdict.
type hooked struct {
	*cluster.Local
	then func()
}

func (h hooked) Take(ctx context.Context, t latchkey.Take) (latchkey.Taken, error) {
	taken, err := h.Local.Take(ctx, t)
	h.then()
	return taken, err
}

// A key that changes between the verdict and the first byte to the exchange
// stops the call that it was about to make.
func TestAChangeBehindTheVerdictStopsTheCall(t *testing.T) {
	var r *rig
	r = newRig(t, func(c *gateway.Config) {
		c.Ledger = hooked{cluster.NewLocal(cluster.LocalConfig{Window: 20 * time.Second}), func() {
			r.edit(func(k *latchkey.Key) { k.Status = latchkey.StatusInactive })
		}}
	})
	r.is(r.do(r.good().raw()), 503, "key_state_changing", "not executed")
	if got := r.exchange.take(); len(got) > 0 {
		t.Errorf("the exchange got %+v", got)
	}
	r.is(r.do(r.good().raw()), 401, "key_not_activated", "")
}

func TestAFaultInOneRequestLeavesTheOthersAlone(t *testing.T) {
	r := newRig(t, func(c *gateway.Config) {
		c.Ledger = hooked{cluster.NewLocal(cluster.LocalConfig{Window: 20 * time.Second}), func() { panic("lks_canary") }}
	})
	r.is(r.do(r.good().raw()), 502, "upstream_unavailable", "may have been executed")
	r.is(r.do(r.good().on("get_ticker").raw()), 400, "bad_request", "")
}
