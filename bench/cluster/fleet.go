package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/seal"
	"latchkey/internal/store"
	"latchkey/internal/testenv/postgres"

	"github.com/jackc/pgx/v5"
)

// fleet is a database, its nodes, and a desk in this process that changes keys.
type fleet struct {
	dir      string
	program  string
	db       *postgres.Server
	redis    *exec.Cmd
	exchange *http.Server
	upstream string
	nodes    []*node
	desk     *store.Store
	barrier  *cluster.Barrier
	key      latchkey.Key
	secret   latchkey.Secret
}

// node is a process with a gateway.
type node struct {
	name    string
	address string // of its gateway
	cmd     *exec.Cmd
	said    bytes.Buffer
}

const account = "acc_bench"

// newFleet starts everything, with one active key.
func newFleet(ctx context.Context, dir string, gateways int) (_ *fleet, err error) {
	f := &fleet{dir: dir, program: filepath.Join(dir, "latchkey")}
	defer func() {
		if err != nil {
			f.stop()
		}
	}()
	if text, err := exec.CommandContext(ctx, "go", "build", "-o", f.program, "latchkey/cmd/latchkey").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	if err := f.openExchange(); err != nil {
		return nil, err
	}
	if f.db, err = postgres.Start(); err != nil {
		return nil, err
	}
	if err := f.openRedis(ctx); err != nil {
		return nil, err
	}
	if err := f.openDesk(ctx); err != nil {
		return nil, err
	}
	console := []string{"serve", "--data", filepath.Join(dir, "data"), "--console-listen", "127.0.0.1:0", "--smtp-server", "127.0.0.1:9", "--smtp-tls", "none", "--smtp-from", "bench@bench.example"}
	if err := f.start(ctx, "console", console, f.url("latchkey")); err != nil {
		return nil, err
	}
	for n := range gateways {
		if err := f.start(ctx, fmt.Sprint("gateway-", n), []string{"gateway"}, f.url("gw")); err != nil {
			return nil, err
		}
	}
	return f, f.makeKey(ctx)
}

func (f *fleet) url(user string) string {
	return strings.Replace(f.db.URL("postgres"), "latchkey@", user+"@", 1)
}

func (f *fleet) data() string { return filepath.Join(f.dir, "data") }

func (f *fleet) keyset() string { return filepath.Join(f.data(), "keyset.json") }

// openExchange answers every call.
func (f *fleet) openExchange() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	f.upstream = "http://" + l.Addr().String()
	f.exchange = &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) })}
	go func() { _ = f.exchange.Serve(l) }() // until it is closed
	return nil
}

func (f *fleet) socket() string { return filepath.Join(f.dir, "redis.sock") }

// openRedis starts what the nodes share points and signatures by.
func (f *fleet) openRedis(ctx context.Context) error {
	f.redis = exec.CommandContext(ctx, "redis-server", "--port", "0", "--unixsocket", f.socket(), "--save", "", "--appendonly", "no", "--dir", f.dir)
	f.redis.Cancel = func() error { return f.redis.Process.Signal(os.Interrupt) }
	if err := f.redis.Start(); err != nil {
		return fmt.Errorf("redis-server: %w; on Debian: sudo apt-get install redis-server", err)
	}
	return waitFor(ctx, "redis-server", "unix", f.socket())
}

// openDesk makes schema, keyset and the gateways' user.
func (f *fleet) openDesk(ctx context.Context) error {
	migrate := exec.CommandContext(ctx, f.program, "migrate", "--data", f.data(), "--database", f.url("latchkey"))
	if text, err := migrate.CombinedOutput(); err != nil {
		return fmt.Errorf("migrate: %w\n%s", err, text)
	}
	db, err := pgx.Connect(ctx, f.url("latchkey"))
	if err != nil {
		return err
	}
	defer db.Close(ctx)
	for _, text := range []string{"CREATE ROLE gw LOGIN IN ROLE latchkey_gateway", "INSERT INTO account (id, name, created_at) VALUES ('" + account + "', 'bench', 1)"} {
		if _, err := db.Exec(ctx, text); err != nil {
			return err
		}
	}
	box, err := seal.Load(f.keyset())
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	if f.desk, err = store.Open(ctx, store.Config{URL: f.url("latchkey"), Seal: box, Now: time.Now, Log: log}); err != nil {
		return err
	}
	f.barrier = cluster.NewBarrier(f.desk, cluster.RealClock(), log, nil)
	return nil
}

// start starts a node and waits until its gateway listens.
func (f *fleet) start(ctx context.Context, name string, args []string, database string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	n := &node{name: name, address: l.Addr().String()}
	if err := l.Close(); err != nil {
		return err
	}
	args = append(args, "--database", database, "--keyset-file", f.keyset(), "--gateway-listen", n.address, "--metrics", "127.0.0.1:0",
		"--upstream-url", f.upstream, "--limit-points", "1000000000", "--log-level", "warn", "--cluster-node", name, "--cluster-single-primary")
	n.cmd = exec.CommandContext(ctx, f.program, args...)
	n.cmd.Env = append(os.Environ(), "LATCHKEY_IDENTITY_SECRET=a secret that only this benchmark knows", "LATCHKEY_REDIS=unix://"+f.socket())
	n.cmd.Stderr = &n.said
	n.cmd.Cancel = func() error { return n.cmd.Process.Signal(os.Interrupt) }
	if err := n.cmd.Start(); err != nil {
		return err
	}
	f.nodes = append(f.nodes, n)
	if err := waitFor(ctx, name, "tcp", n.address); err != nil {
		return fmt.Errorf("%w: %s", err, n.said.String())
	}
	return nil
}

// waitFor waits until somebody listens.
func waitFor(ctx context.Context, name, network, address string) error {
	for begin := time.Now(); time.Since(begin) < patience && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial(network, address); err == nil {
			return conn.Close()
		}
	}
	return fmt.Errorf("%s does not listen", name)
}

// stop ends everything that was started; what was not is passed over.
func (f *fleet) stop() {
	for _, n := range f.nodes {
		_ = n.cmd.Process.Signal(os.Interrupt)
	}
	for _, n := range f.nodes {
		_ = n.cmd.Wait()
	}
	if f.redis != nil && f.redis.Process != nil {
		_ = f.redis.Process.Signal(os.Interrupt)
		_ = f.redis.Wait()
	}
	if f.desk != nil {
		_ = f.desk.Close()
	}
	if f.exchange != nil {
		_ = f.exchange.Close()
	}
	if f.db != nil {
		f.db.Stop()
	}
}
