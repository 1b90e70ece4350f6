package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"runtime/pprof"
	"time"

	"latchkey"
	"latchkey/internal/courier"
	"latchkey/internal/node"
)

// profiledPeer is the gateway inside this program, which writes down what its
// processor time goes to: the profile that `make pgo` builds the program with.
// The program itself can be asked for no profile, which would be one more door.
func profiledPeer(o options) *peer {
	return &peer{name: "profiled", what: "Latchkey, watched", refuses: []int{401, 401, 409}, command: func(p place) []string {
		return append(p.role("profiled"), "-profile", o.profile, "-folder", p.Data())
	}}
}

// profiled runs a whole node until it is told to stop, as `latchkey serve` does.
func profiled(ctx context.Context, l net.Listener, o options) error {
	_ = l.Close() // a node opens its own
	out, err := os.Create(o.profile)
	if err != nil {
		return err
	}
	defer out.Close()
	limits, inbox := latchkey.DefaultLimits(), courier.NewInbox(time.Now)
	upstream := url.URL{Scheme: "http", Host: o.upstream}
	n, err := node.Start(ctx, node.Config{
		Store: node.StoreConfig{DataDir: o.folder}, Limits: limits, Points: 1_000_000_000, Name: "bench",
		Console: node.Listen{Addr: "127.0.0.1:0"}, Gateway: node.Listen{Addr: o.listen}, Metrics: node.Listen{Addr: "127.0.0.1:0"},
		Upstream: upstream.String(), IdentitySecret: []byte("a secret that only this benchmark knows"), Mail: inbox, SMS: inbox,
		Now: time.Now, Log: slog.New(slog.NewJSONHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	<-ctx.Done()
	pprof.StopCPUProfile()
	return n.Stop(context.WithoutCancel(ctx))
}
