package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/verify"
	"latchkey/signature"

	"github.com/valyala/fasthttp"
)

// serveRole is a peer that this program is itself, in a process of its own.
func serveRole(ctx context.Context, o options) error {
	roles := map[string]func(context.Context, net.Listener, options) error{"profiled": profiled, "fasthttp": bare, "httputil": reverse, "verifier": verifier}
	role, found := roles[o.role]
	if !found {
		return fmt.Errorf("there is no role %q", o.role)
	}
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return err
	}
	go func() {
		<-ctx.Done()
		_ = l.Close()
	}()
	err = role(ctx, l, o)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// bare is a proxy of the gateway's own stack that looks at nothing.
func bare(_ context.Context, l net.Listener, o options) error {
	up := fasthttp.HostClient{Addr: o.upstream, MaxConns: 16384, NoDefaultUserAgentHeader: true, DisablePathNormalizing: true, ConnPoolStrategy: fasthttp.LIFO,
		// Between two runs the exchange closes what is idle.
		RetryIfErr: func(*fasthttp.Request, int, error) (bool, bool) { return false, true }}
	server := fasthttp.Server{NoDefaultServerHeader: true, NoDefaultDate: true, Handler: func(ctx *fasthttp.RequestCtx) {
		if err := up.Do(&ctx.Request, &ctx.Response); err != nil {
			ctx.Error(err.Error(), fasthttp.StatusBadGateway)
		}
	}}
	return server.Serve(l)
}

// bytesPool is what httputil asks for.
type bytesPool struct{ sync.Pool }

func (p *bytesPool) Get() []byte  { return *p.Pool.Get().(*[]byte) }
func (p *bytesPool) Put(b []byte) { p.Pool.Put(&b) }

// reverse is the standard library's proxy with what can be tuned: connections
// are kept, buffers are reused, nothing is decoded.
func reverse(_ context.Context, l net.Listener, o options) error {
	target := &url.URL{Scheme: "http", Host: o.upstream}
	pool := &bytesPool{}
	pool.New = func() any { b := make([]byte, 32<<10); return &b }
	proxy := &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(target) },
		BufferPool: pool,
		ErrorLog:   log.New(io.Discard, "", 0),
		Transport:  &http.Transport{MaxIdleConns: 0, MaxIdleConnsPerHost: 16384, DisableCompression: true, ForceAttemptHTTP2: false},
	}
	server := http.Server{Handler: proxy, ReadHeaderTimeout: time.Minute}
	return server.Serve(l)
}

// verifier answers nginx's auth_request with the checks of package verify. What
// it is asked about has no body, so the body is not part of what it checks.
func verifier(_ context.Context, l net.Listener, o options) error {
	table, err := readMap(o.data)
	if err != nil {
		return err
	}
	checker := verify.New(verify.Config{
		Table: table, Ledger: cluster.NewLocal(cluster.LocalConfig{Window: 20 * time.Second}),
		Window: 20 * time.Second, Points: 1 << 40, PublicPoints: 100, Now: time.Now,
	})
	call := latchkey.Action{Name: action, Permission: latchkey.Trade, Cost: 1, REST: true, Mutating: true}
	server := http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed, err := signature.ParseREST([]byte(r.Header.Get(signature.KeyHeader)), []byte(r.Header.Get(signature.TimestampHeader)),
			[]byte(r.Header.Get(signature.SignatureHeader)), []byte(action), noBody)
		addr, _ := netip.ParseAddr(r.Header.Get("X-Real-IP")) // the zero address is in no allowlist
		v := checker.Check(r.Context(), verify.Request{Signed: signed, Malformed: err != nil, Action: &call, Addr: addr})
		status := http.StatusNoContent
		switch {
		case v.Reason == verify.Unauthorized:
			status = http.StatusUnauthorized
		case !v.Allowed():
			status = http.StatusForbidden // of other statuses nginx makes 500
		}
		w.WriteHeader(status)
	})}
	return server.Serve(l)
}

// readMap puts the keys of a map, as bench.writeMap wrote it, into a table.
func readMap(path string) (*verify.Table, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	list, _ := latchkey.ParseAllowlist("10.0.0.0/24, 127.0.0.1") // as allowlist(1)
	table := verify.NewTable()
	for line := range strings.Lines(string(text)) {
		id, coded, _ := strings.Cut(strings.TrimSpace(line), " ")
		secret, err := base64.StdEncoding.DecodeString(coded)
		if err != nil {
			return nil, err
		}
		table.Put(latchkey.Key{ID: id, AccountID: "acc_bench", Status: latchkey.StatusActive, Version: 1,
			Permissions: latchkey.NewPermissions(latchkey.Read, latchkey.Trade), Allowlist: list}, latchkey.Secret(secret))
	}
	return table, nil
}
