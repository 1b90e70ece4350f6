package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"latchkey/catalog"
	"latchkey/internal/sandbox"
)

type sandboxCmd struct {
	Listen     string `default:"127.0.0.1:9000" placeholder:"HOST:PORT" help:"Where the gateway forwards to."`
	SecretFile string `type:"path" env:"LATCHKEY_IDENTITY_SECRET_FILE" placeholder:"FILE" help:"Secret shared with the gateway; LATCHKEY_IDENTITY_SECRET may hold it instead."`
	LogLevel   string `enum:"debug,info,warn,error" default:"info" help:"JSON lines on standard error."`
}

// Run serves the sandbox exchange until the first signal. It keeps nothing.
func (c *sandboxCmd) Run(ctx context.Context, s streams) error {
	secret, err := identitySecret(c.SecretFile)
	if err = errors.Join(err, checkListen("--listen", c.Listen)); err != nil {
		return usageError{err}
	}
	table, err := catalog.Prime()
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("the sandbox cannot listen on %s: %w", c.Listen, err)
	}
	exchange := sandbox.New(sandbox.Config{Catalog: table, IdentitySecret: secret, Now: time.Now, Log: newLog(s.err, c.LogLevel)})
	server := &http.Server{Handler: exchange.Handler(), ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintf(s.out, "sandbox exchange on http://%s\n", ln.Addr())
	// Its end ends the sessions, which the server's own shutdown leaves alone.
	var market sync.WaitGroup
	defer market.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	market.Go(func() { exchange.Run(ctx) })
	stop := context.AfterFunc(ctx, func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
		defer cancel()
		_ = server.Shutdown(limit)
	})
	defer stop()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
