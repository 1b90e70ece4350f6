package gateway_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/gateway"
)

func TestPlainAndTLSAtOnce(t *testing.T) {
	r := newRig(t)
	lender := httptest.NewTLSServer(nil) // has a certificate for 127.0.0.1
	roots := x509.NewCertPool()
	roots.AddCert(lender.Certificate())
	certificates := lender.TLS.Certificates
	lender.Close()
	l := listen(t)
	r.serve(func() error { return r.gateway.ServeTLS(l, &tls.Config{Certificates: certificates}) })

	conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, NextProtos: []string{"h2", "http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	c := wrap(t, conn)
	for range 3 {
		r.pass(time.Second)
		c.send(r.good().raw())
		r.is(c.receive(), 200, "", "")
	}
	if p := conn.ConnectionState().NegotiatedProtocol; p != "http/1.1" {
		t.Errorf("protocol %q", p)
	}
	c.send("GET / HTTP/1.1\nHost: g\n\n")
	r.is(c.receive(), 400, "bad_request", "CR LF")
	c.ended()
	if _, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	r.pass(time.Second)
	r.is(r.do(r.good().raw()), 200, "", "") // and plain, beside it
}

func TestRequestsInOnePieceAndByteByByte(t *testing.T) {
	r := newRig(t)
	var all strings.Builder
	var want []string
	for i := range 20 {
		action := []string{"get_candles", "get_my_orders"}[i%2]
		c := r.good().on(action)
		c.body = fmt.Sprintf(`{"n":%d}`, i)
		all.WriteString(c.raw())
		want = append(want, c.body)
	}
	check := func() {
		t.Helper()
		for i, got := range r.exchange.take() {
			if got.body != want[i] || got.err != nil {
				t.Errorf("request %d is %+v", i, got)
			}
		}
	}
	c := r.dial()
	c.send(all.String())
	for range 20 {
		r.is(c.receive(), 200, "", "")
	}
	check()
	r.pass(time.Minute)
	all.Reset()
	for i := range 3 {
		c := r.good().on("get_candles")
		c.body = want[i]
		all.WriteString(c.raw())
	}
	go func() {
		for _, b := range []byte(all.String()) {
			if _, err := c.Conn.Write([]byte{b}); err != nil {
				return
			}
		}
	}()
	for range 3 {
		r.is(c.receive(), 200, "", "")
	}
	check()
}

// What was asked before a refused request is answered before it.
func TestARefusalWaitsForTheAnswersBeforeIt(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	c.send(r.good().raw() + r.good().on("get_candles").raw() + "GET / HTTP/1.1\nHost: g\n\n" + r.good().on("get_candles").raw())
	r.is(c.receive(), 200, "", "")
	r.is(c.receive(), 200, "", "")
	r.is(c.receive(), 400, "bad_request", "CR LF")
	c.ended()
}

func TestExpectContinue(t *testing.T) {
	r := newRig(t)
	call := r.good()
	call.header = []string{"Expect: 100-Continue"}
	head, body, _ := strings.Cut(call.raw(), "\r\n\r\n")
	c := r.dial()
	c.send(head + "\r\n\r\n")
	if a := c.receive(); a.StatusCode != 100 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	c.send(body + r.good().on("get_candles").raw())
	r.is(c.receive(), 200, "", "")
	r.is(c.receive(), 200, "", "")
	if got := r.exchange.take(); len(got) != 2 || got[0].body != call.body {
		t.Errorf("the exchange got %+v", got)
	}
	// A body that will be refused is not asked for.
	c.send(strings.Replace(head, "Content-Length: 14", "Content-Length: 99999999", 1) + "\r\n\r\n")
	r.is(c.receive(), 413, "too_large", "")
}

func TestHTTP10IsAnsweredAndClosed(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	c.send(strings.Replace(r.good().raw(), "HTTP/1.1", "HTTP/1.0", 1))
	r.is(c.receive(), 200, "", "")
	c.ended()
}

// hasty is a gateway that waits for nobody.
func hasty(c *gateway.Config) {
	c.HeadTimeout, c.BodyTimeout, c.IdleTimeout, c.SendTimeout = 150*time.Millisecond, 150*time.Millisecond, 150*time.Millisecond, 150*time.Millisecond
}

func TestSlowClientsAreCutOff(t *testing.T) {
	r := newRig(t, hasty)
	whole := r.good().raw()
	head, _, _ := strings.Cut(whole, "{")

	c := r.dial()
	c.send(whole[:40])
	r.is(c.receive(), 408, "bad_request", "header did not arrive")
	c.ended()

	c = r.dial()
	c.send(head)
	r.is(c.receive(), 408, "bad_request", "body did not arrive")
	c.ended()

	r.dial().ended() // silent from the begin

	c = r.dial()
	c.send(whole)
	r.is(c.receive(), 200, "", "")
	c.ended() // and after an answer

	c = r.dial()
	stop := make(chan struct{})
	go func() { // one byte now and then does not buy more time
		defer close(stop)
		for i := range len(whole) - 1 {
			if _, err := c.Conn.Write([]byte(whole[i : i+1])); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond) // of the client, not of the test
		}
	}()
	r.is(c.receive(), 408, "bad_request", "header did not arrive")
	_ = c.Close()
	<-stop
	if got := len(r.exchange.take()); got != 1 {
		t.Errorf("%d requests reached the exchange, want 1", got)
	}
}

func TestAClientThatTakesNoAnswerIsCutOff(t *testing.T) {
	r := newRig(t, hasty)
	cut := make(chan error, 1)
	r.exchange.answers(func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for chunk := make([]byte, 1<<20); err == nil; {
			_, err = w.Write(chunk)
		}
		cut <- err
	})
	c := r.dial()
	c.send(r.good().raw())
	select {
	case <-cut: // the gateway closed its connection to the exchange, too
	case <-time.After(10 * time.Second):
		t.Error("the exchange still sends")
	}
}

func TestAClientThatGoesAwayIsNoFault(t *testing.T) {
	r := newRig(t)
	whole := r.good().raw()
	for _, n := range []int{0, 1, 40, len(whole) - 1} {
		c := r.dial()
		c.send(whole[:n])
		_ = c.Close()
	}
	r.is(r.do(whole), 200, "", "")
	if got := len(r.exchange.take()); got != 1 {
		t.Errorf("%d requests reached the exchange, want 1", got)
	}
}

func TestShutdownLetsARunningRequestFinish(t *testing.T) {
	r := newRig(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	r.exchange.answers(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
		_, _ = io.WriteString(w, "done")
	})
	c := r.dial()
	c.send(r.good().raw())
	<-arrived

	short, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := r.gateway.Shutdown(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown with a request running: %v", err)
	}
	if conn, err := net.Dial("tcp", r.address); err == nil {
		_ = conn.Close()
		t.Error("new connections are accepted")
	}
	close(release)
	if a := c.receive(); a.StatusCode != 200 || a.body != "done" {
		t.Errorf("%d %q", a.StatusCode, a.body)
	}
}

func TestShutdownWaits(t *testing.T) {
	r := newRig(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	r.exchange.answers(func(w http.ResponseWriter, _ *http.Request) {
		close(arrived)
		<-release
	})
	c := r.dial()
	c.send(r.good().raw())
	<-arrived
	done := make(chan error)
	go func() { done <- r.gateway.Shutdown(context.Background()) }()
	select {
	case <-done:
		t.Error("shutdown did not wait")
	case <-time.After(250 * time.Millisecond):
	}
	close(release)
	a := c.receive()
	if a.StatusCode != 200 || !a.Close {
		t.Errorf("%d, closing %v", a.StatusCode, a.Close)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	r := newRig(t, func(c *gateway.Config) { c.Points = 1 << 30 })
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			c := r.dial()
			for n := range 20 {
				call := r.good()
				call.body = fmt.Sprintf(`{"client":%d,"n":%d}`, i, n)
				c.send(call.raw())
				if a := c.receive(); a.StatusCode != 200 {
					t.Errorf("%d %s", a.StatusCode, a.body)
				}
			}
		})
	}
	all.Wait()
	bodies := map[string]bool{}
	for _, got := range r.exchange.take() {
		if got.err != nil {
			t.Error(got.err)
		}
		bodies[got.body] = true
	}
	if len(bodies) != 400 {
		t.Errorf("%d different requests, want 400", len(bodies))
	}
}

// After an upgrade every byte belongs to the other protocol.
func TestAnUpgradedConnectionIsNotGuarded(t *testing.T) {
	r := newRig(t)
	ours, theirs := net.Pipe()
	defer ours.Close()
	conn, pass := r.gateway.Guarded(theirs)
	defer conn.Close()
	upgrade := "GET /api/ws HTTP/1.1\r\nHost: g\r\n\r\n"
	go func() { _, _ = io.WriteString(ours, upgrade+"\x81\x00"); _, _ = io.WriteString(ours, "\x82\x00\n\n") }()
	got := make([]byte, len(upgrade))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != upgrade {
		t.Fatalf("%q, %v", got, err)
	}
	pass()
	got = make([]byte, 6)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "\x81\x00\x82\x00\n\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAConfigurationThatIsNotSafeIsRefused(t *testing.T) {
	address := func(text string) func(*gateway.Config) {
		return func(c *gateway.Config) {
			u, err := url.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			c.Upstream = u
		}
	}
	for name, spoil := range map[string]func(*gateway.Config){
		"no catalog":         func(c *gateway.Config) { c.Catalog = nil },
		"no table":           func(c *gateway.Config) { c.Table = nil },
		"no ledger":          func(c *gateway.Config) { c.Ledger = nil },
		"no tally":           func(c *gateway.Config) { c.Tally = nil },
		"no exchange":        func(c *gateway.Config) { c.Upstream = nil },
		"exchange over ftp":  address("ftp://exchange"),
		"exchange of a path": address("/exchange"),
		"password":           address("http://a:b@exchange"),
		"query":              address("http://exchange/?a=1"),
		"short secret":       func(c *gateway.Config) { c.IdentitySecret = []byte("short") },
		"prefix":             func(c *gateway.Config) { c.Prefix = "api" },
		"prefix with slash":  func(c *gateway.Config) { c.Prefix = "/api/" },
		"everybody a proxy":  trust("0.0.0.0/0"),
		"everybody, IPv6":    trust("::/0"),
		"mapped proxy":       trust("::ffff:10.0.0.0/104"),
		"host bits":          trust("10.0.0.1/8"),
		"zero prefix":        func(c *gateway.Config) { c.TrustedProxies = []netip.Prefix{{}} },
		"PROXY from nobody":  proxyProtocol,
	} {
		c := newRig(t).gateway.Config
		c.Metrics = nil
		spoil(&c)
		if g, err := gateway.New(c); err == nil || g != nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A bot that connects anew, and a gateway that connects anew to the exchange,
// both go on from their last handshake: it saves them a signature and a flight.
func TestHandshakesAreResumedOnBothSides(t *testing.T) {
	var bots, exchange atomic.Int64
	counting := func(n *atomic.Int64) *tls.Config {
		return &tls.Config{VerifyConnection: func(s tls.ConnectionState) error {
			if s.DidResume {
				n.Add(1)
			}
			return nil
		}}
	}
	r := newRig(t)
	secure := httptest.NewUnstartedServer(r.exchange)
	secure.TLS = counting(&exchange)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	u, err := url.Parse(secure.URL)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	g := newRig(t, to(u), func(c *gateway.Config) { c.UpstreamTLS = &tls.Config{RootCAs: roots} })
	g.gateway.Suspicious() // the exchange closes its connections below
	l, config := listen(t), counting(&bots)
	config.Certificates = secure.TLS.Certificates
	g.serve(func() error { return g.gateway.ServeTLS(l, config) })
	cache := tls.NewLRUClientSessionCache(1)
	for range 3 {
		g.pass(time.Second)
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: roots, ClientSessionCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		c := wrap(t, conn)
		c.send(g.good().raw())
		g.is(c.receive(), 200, "", "")
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		secure.CloseClientConnections()
	}
	if bots.Load() != 2 || exchange.Load() < 1 {
		t.Errorf("%d handshakes of bots were resumed, and %d with the exchange", bots.Load(), exchange.Load())
	}
}
