package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/gateway"
	"latchkey/internal/verify"

	"github.com/fasthttp/websocket"
)

// Keys of the gateway; sessions are spread over them.
const (
	keys   = 100
	secret = latchkey.Secret("a secret that only this benchmark knows")
	shared = "what the gateway and the exchange share"
)

func keyID(n int) string { return fmt.Sprintf("lk_bench_%d", n%keys) }

// Buffers as the gateway has them, so that the raw proxy is the same stack.
var (
	writers  sync.Pool
	upgrader = websocket.Upgrader{ReadBufferSize: 512, WriteBufferSize: 4 << 10, WriteBufferPool: &writers}
	dialer   = websocket.Dialer{ReadBufferSize: 512, WriteBufferSize: 4 << 10, WriteBufferPool: &writers}
)

// exchange answers every message with itself.
func exchange() error {
	return announce(func(l net.Listener) error {
		return serve(l, func(conn *websocket.Conn) {
			if conn.WriteMessage(websocket.TextMessage, []byte(`{"e":"connected"}`)) != nil {
				return
			}
			pass(conn, conn)
		})
	})
}

// raw passes messages on and judges nothing.
func raw() error {
	return announce(func(l net.Listener) error {
		return serve(l, func(conn *websocket.Conn) {
			up, _, err := dialer.Dial("ws://"+os.Getenv("UPSTREAM")+"/api/ws", nil)
			if err != nil {
				return
			}
			defer up.Close()
			go func() {
				defer conn.Close()
				pass(up, conn)
			}()
			pass(conn, up)
		})
	})
}

// pass copies messages, in a buffer that is used again.
func pass(from, to *websocket.Conn) {
	var buf []byte
	for {
		_, r, err := from.NextReader()
		if err != nil {
			return
		}
		if buf, err = readInto(buf[:0], r); err != nil || to.WriteMessage(websocket.TextMessage, buf) != nil {
			return
		}
	}
}

func readInto(buf []byte, r io.Reader) ([]byte, error) {
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func serve(l net.Listener, each func(*websocket.Conn)) error {
	server := http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		// Another goroutine, so that what a request needed is given back.
		go func() {
			defer conn.Close()
			each(conn)
		}()
	})}
	return server.Serve(l)
}

// gate is the gateway, with every check switched on.
func gate() error {
	table := verify.NewTable()
	for n := range keys {
		table.Put(latchkey.Key{ID: keyID(n), AccountID: "acc_bench", Status: latchkey.StatusActive, Version: 1, Permissions: latchkey.NewPermissions(latchkey.Trade)}, secret)
	}
	catalog, err := latchkey.NewCatalog([]latchkey.Action{
		{Name: "get_my_orders", Permission: latchkey.Read, Cost: 5, WS: true, REST: true, Purpose: "bench"},
	})
	if err != nil {
		return err
	}
	g, err := gateway.New(gateway.Config{
		Catalog: catalog, Table: table, Ledger: cluster.NewLocal(cluster.LocalConfig{Window: 20 * time.Second}), Tally: verify.NewTally(),
		Upstream: &url.URL{Scheme: "http", Host: os.Getenv("UPSTREAM")}, IdentitySecret: []byte(strings.Repeat(shared, 2)),
		Points: 1 << 40, MaxMessages: 1 << 30, MaxSessions: 1 << 20, MaxConns: 1 << 20, MaxConnsEach: 1 << 20, IdleTimeout: time.Hour,
	})
	if err != nil {
		return err
	}
	return announce(g.Serve)
}
