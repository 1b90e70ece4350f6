package gateway_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey"
	"latchkey/internal/gateway"
)

// gate is a listener whose connections say nothing until they are told to.
type gate struct {
	net.Listener
	accepted atomic.Int64
	arrived  chan struct{} // gets one for each connection that wants to answer
	open     chan struct{} // closed when they may
}

func (g *gate) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	g.accepted.Add(1)
	return &gated{Conn: c, gate: g}, nil
}

type gated struct {
	net.Conn
	gate *gate
	once sync.Once
}

func (c *gated) Write(p []byte) (int, error) {
	c.once.Do(func() {
		c.gate.arrived <- struct{}{}
		<-c.gate.open
	})
	return c.Conn.Write(p)
}

// behindTLS is a rig whose exchange speaks TLS 1.3, behind a gate.
func behindTLS(t *testing.T) (*rig, *gate) {
	t.Helper()
	r := build(t)
	secure := httptest.NewUnstartedServer(r.exchange)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // the gateway may hang up
	door := &gate{Listener: secure.Listener, arrived: make(chan struct{}, 100), open: make(chan struct{})}
	secure.Listener = door
	// Session tickets so long that the handshake cannot read them on the side.
	secure.TLS = &tls.Config{MinVersion: tls.VersionTLS13, WrapSession: func(tls.ConnectionState, *tls.SessionState) ([]byte, error) {
		return make([]byte, 60_000), nil
	}}
	secure.StartTLS()
	t.Cleanup(secure.Close)
	u, err := url.Parse(secure.URL)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	c := r.gateway.Config
	c.Upstream, c.UpstreamTLS, c.Metrics = u, &tls.Config{RootCAs: roots, ClientSessionCache: tls.NewLRUClientSessionCache(1)}, nil
	if r.gateway, err = gateway.New(c); err != nil {
		t.Fatal(err)
	}
	return r, door
}

// The attack: a thief sends an order while the exchange is slow to open a
// connection, and the owner switches the key off. The deactivation is
// acknowledged; seconds later the handshake ends and the order leaves all the
// same. What counts is the key at the first byte, not at the verdict.
func TestAnOrderThatWaitedForAConnectionObeysADeactivation(t *testing.T) {
	r, door := behindTLS(t)
	r.start()
	c := r.dial()
	c.send(r.good().raw())
	<-door.arrived // the order has its verdict, the handshake hangs
	r.edit(func(k *latchkey.Key) { k.Status = latchkey.StatusInactive })
	close(door.open)
	r.is(c.receive(), 503, "key_state_changing", "not executed")
	if got := r.exchange.take(); len(got) > 0 {
		t.Errorf("after the deactivation the exchange got %+v", got)
	}
	r.edit(func(k *latchkey.Key) { k.Status = latchkey.StatusActive })
	c.send(r.good().on("get_candles").raw())
	r.is(c.receive(), 200, "", "")
}

// The check finds the request by a line of its header. A client that makes the
// header long, or writes such a line's text into a value, changes nothing.
func TestARequestWithALongHeaderLeavesToo(t *testing.T) {
	r := newRig(t)
	call := r.good()
	call.header = []string{"User-Agent: Latchkey-Request-Id: req_evil " + strings.Repeat("a", 12<<10)}
	r.is(r.do(call.raw()), 200, "", "")
}

// The attack is the exchange's own courtesy: with TLS 1.3 it sends session
// tickets behind its handshake. Taken for a stale connection's last words, they
// make the gateway throw away every fresh connection whose handshake was slow,
// until no order gets through.
func TestSessionTicketsAreNoReasonToDropAFreshConnection(t *testing.T) {
	r, door := behindTLS(t)
	close(door.open)
	r.gateway.Suspicious()
	r.start()
	r.is(r.do(r.good().raw()), 200, "", "")
	if n := door.accepted.Load(); n != 1 {
		t.Errorf("one order took %d connections", n)
	}
}
