package gateway_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"latchkey/internal/gateway"

	"github.com/fasthttp/websocket"
)

// A timer that is still set for an earlier time, of a message that has arrived,
// ends nothing when it fires: the silence after the message has a time of its
// own. So it is behind TLS, which must read on after such an interruption.
func TestTheTimeOfAMessageDoesNotEndTheSilenceAfterIt(t *testing.T) {
	const message, silence = time.Second, 3 * time.Second // a handshake has to be done in the first, too
	r := build(t, func(c *gateway.Config) { c.HeadTimeout, c.IdleTimeout = message, silence })
	r.start()
	lender := httptest.NewTLSServer(nil) // has a certificate for 127.0.0.1
	roots := x509.NewCertPool()
	roots.AddCert(lender.Certificate())
	certificates := lender.TLS.Certificates
	lender.Close()
	l := listen(t)
	r.serve(func() error { return r.gateway.ServeTLS(l, &tls.Config{Certificates: certificates}) })
	for name, url := range map[string]string{"plain": "ws://" + r.address, "TLS": "wss://" + l.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each only waits
			dialer := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: roots}, HandshakeTimeout: 20 * time.Second}
			conn, _, err := dialer.Dial(url+"/api/ws", nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			b := bot{t, conn}
			b.read()
			b.auth(keyID, string(secret), fmt.Sprint(r.clock().Unix()))
			b.read()
			var begin time.Time
			for n := range 2 {
				begin = time.Now()
				if got := b.ask("get_candles", fmt.Sprint(n), "{}"); got.OK != "ok" {
					t.Fatalf("answered with %s", got.raw)
				}
				if n == 0 {
					<-time.After(message + message/4) // the timer of the message fires
				}
			}
			b.gone(1000, "idle")
			if took := time.Since(begin); took < silence || took > 5*silence {
				t.Errorf("the silence lasted %v", took)
			}
		})
	}
}

// A client takes its time between two parts of a long answer: the exchange has
// all of its own for each of them, whatever was left of it before.
func TestASlowClientTakesNoTimeFromTheExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		conn, part := gateway.Answering(near, time.Second), make([]byte, 4)
		for range 3 {
			time.Sleep(time.Minute)
			go func() {
				time.Sleep(time.Second / 2)
				_, _ = far.Write([]byte("part")) // a failure is the reader's, too
			}()
			if n, err := conn.Read(part); err != nil || n != len(part) {
				t.Fatalf("%d bytes, %v", n, err)
			}
		}
		_, _ = near.Close(), far.Close()
	})
}
