// Command latchkey is an API-key authority for trading platforms: console and
// management API, a gateway that enforces every setting of a key, a sandbox
// exchange, and the operator's commands. `latchkey --help` lists them.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker: -X main.version=...
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := exitFailed
	if err := harden(); err != nil {
		fmt.Fprintln(os.Stderr, "latchkey:", err)
	} else {
		code = run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr})
	}
	stop()
	os.Exit(code)
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}
