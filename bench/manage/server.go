package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/courier"
	"latchkey/internal/node"
)

// The owner who signs in, and what the server shares with the exchange.
const (
	email    = "owner@bench.example"
	password = "four words to measure with"
	shared   = "what the gateway and the exchange share"
)

// place says where a server is and what it knows.
type place struct {
	Console, Gateway string
	Key              string // active, to call with
	Secret           string
	Inactive         string // a key whose activation can be asked for
}

// child is a server in a process of its own.
type child struct {
	place
	cmd   *exec.Cmd
	stdin io.Closer // it ends when this closes
}

// startChild runs this program again as a server that forwards to upstream.
func startChild(dir, upstream string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-role", "server", "-data", dir)
	cmd.Env = append(os.Environ(), "UPSTREAM="+upstream)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, stdin: in}
	if err := json.NewDecoder(bufio.NewReader(out)).Decode(&c.place); err != nil {
		c.stop()
		return nil, fmt.Errorf("the server did not start: %w", err)
	}
	return c, nil
}

func (c *child) stop() {
	_ = c.stdin.Close()
	_ = c.cmd.Wait()
}

// resident is the memory of the server, in MB.
func (c *child) resident() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	var kb float64
	_, err = fmt.Sscan(rest, &kb)
	return kb / 1024, err
}

// serve is the child: a whole node, as a command starts one, with limits that a
// benchmark does not reach. It says on out where it is, and runs until in ends.
func serve(ctx context.Context, data string, in io.Reader, out io.Writer) error {
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	defer cancel()
	limits := latchkey.DefaultLimits()
	limits.SignInsPerSource, limits.SignInsPerAddress, limits.CodesHourly, limits.PendingsHourly = 1<<30, 1<<30, 1<<30, 1<<30
	inbox, local := courier.NewInbox(time.Now), node.Listen{Addr: "127.0.0.1:0"}
	n, err := node.Start(ctx, node.Config{
		Store: node.StoreConfig{DataDir: data}, Limits: limits, Points: 1 << 40, Name: "bench", Console: local, Gateway: local, Metrics: local,
		Upstream: os.Getenv("UPSTREAM"), IdentitySecret: []byte(shared), AnswerDeadline: 10 * time.Second,
		Mail: inbox, SMS: inbox, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	p := place{Console: n.ConsoleURL, Gateway: n.GatewayURL}
	if err := people(ctx, n.Operator(), &p); err != nil {
		return err
	}
	if err := json.NewEncoder(out).Encode(p); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, in) // until the parent is gone
	return n.Stop(ctx)
}

// people makes the owner and the keys.
func people(ctx context.Context, op authority.Operator, p *place) error {
	account, err := op.CreateAccount(ctx, "bench")
	if err != nil {
		return err
	}
	if _, err := op.AddMember(ctx, account, email, latchkey.RoleOwner, password); err != nil {
		return err
	}
	k, secret, err := op.CreateKey(ctx, account, authority.NewKey{Name: "bot", Permissions: latchkey.NewPermissions(latchkey.Trade)})
	if err != nil {
		return err
	}
	if _, _, err := op.Move(ctx, k.ID, latchkey.OpActivate); err != nil {
		return err
	}
	rest, _, err := op.CreateKey(ctx, account, authority.NewKey{Name: "rest", Permissions: latchkey.NewPermissions()})
	p.Key, p.Secret, p.Inactive = k.ID, secret.Reveal(), rest.ID
	return err
}
