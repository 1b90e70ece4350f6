package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/gateway"
	"latchkey/internal/verify"
	"latchkey/signature"
)

// BenchmarkCall is all that the gateway does for a signed order but the system
// calls: client and exchange are pieces of memory. The rest is what
// `go run ./bench/rest` shows.
func BenchmarkCall(b *testing.B) {
	catalog, err := latchkey.NewCatalog(actions())
	if err != nil {
		b.Fatal(err)
	}
	const keys = 1000
	table := verify.NewTable()
	for n := range keys {
		k := theKey()
		k.ID, k.AccountID = fmt.Sprintf("lk_%020d", n), "acc_0123456789abcdefghjkmnpqrs"
		table.Put(k, secret)
	}
	g, err := gateway.New(gateway.Config{
		Catalog: catalog, Table: table, Ledger: cluster.NewLocal(cluster.LocalConfig{Window: 20 * time.Second}), Tally: verify.NewTally(),
		Upstream: &url.URL{Scheme: "http", Host: "exchange.example"}, IdentitySecret: []byte(shared), Points: 1 << 40, Now: time.Now,
		Log: slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		b.Fatal(err)
	}
	g.Forwards(func() net.Conn { return &still{} })
	c := &caller{requests: make([][]byte, b.N)}
	ts := signature.Timestamp(time.Now())
	for n := range c.requests {
		id := fmt.Sprintf("lk_%020d", n%keys)
		body := fmt.Sprintf(`{"oid":"%d","pair":"BTC/USD","side":"BUY","type":"LIMIT","amount":"0.01","price":"65000.00","timeInForce":"GTC"}`, n)
		mac := signature.SignREST([]byte(secret), "do_my_new_order", ts, []byte(body))
		c.requests[n] = fmt.Appendf(nil, "POST /api/rest/do_my_new_order HTTP/1.1\r\nHost: gateway.example\r\nContent-Type: application/json\r\nX-AGGR-KEY: %s\r\nX-AGGR-TIMESTAMP: %s\r\nX-AGGR-SIGNATURE: %s\r\nContent-Length: %d\r\n\r\n%s", id, ts, mac, len(body), body)
	}
	b.ReportAllocs()
	b.ResetTimer()
	_ = g.ServeOne(c) // ends with the end of the connection
	if c.answered != b.N || !bytes.Contains(c.last, []byte("200 OK")) {
		b.Fatalf("%d of %d calls were answered, the last with %s", c.answered, b.N, c.last)
	}
}

// still is a connection that needs no system.
type still struct {
	asked bool
}

const stillAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":\"ok\"}"

func (*still) Close() error                     { return nil }
func (*still) LocalAddr() net.Addr              { return nil }
func (*still) RemoteAddr() net.Addr             { return peer }
func (*still) SetDeadline(time.Time) error      { return nil }
func (*still) SetReadDeadline(time.Time) error  { return nil }
func (*still) SetWriteDeadline(time.Time) error { return nil }

func (s *still) Write(p []byte) (int, error) {
	s.asked = true
	return len(p), nil
}

func (s *still) Read(p []byte) (int, error) {
	if !s.asked {
		return 0, io.EOF
	}
	s.asked = false
	return copy(p, stillAnswer), nil
}

var peer = net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.7:1234"))

// caller sends one request after the other.
type caller struct {
	still
	requests [][]byte
	sent     int
	answered int
	last     []byte
}

func (c *caller) Read(p []byte) (int, error) {
	if c.sent == len(c.requests) {
		return 0, io.EOF
	}
	c.sent++
	return copy(p, c.requests[c.sent-1]), nil
}

func (c *caller) Write(p []byte) (int, error) {
	c.answered++
	c.last = append(c.last[:0], p...)
	return len(p), nil
}
