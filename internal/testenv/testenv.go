// Package testenv runs the whole system in one process for tests: a node with
// its sandbox exchange, an inbox that catches mails and SMS, a clock that the
// test moves, people who sign in and bots that sign.
package testenv

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/courier"
	"latchkey/internal/node"
	"latchkey/internal/stepup"
)

// Clock is a clock that only the test moves.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts at the beginning of a calendar minute, near the real time:
// the program has parts that keep real time, such as TLS.
func NewClock() *Clock { return &Clock{now: time.Now().UTC().Truncate(time.Minute)} }

// Now is the moved time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Options change what Start starts. The zero value is SQLite, a sandbox
// exchange and a moved clock.
type Options struct {
	Database string                          // URL; "" is SQLite in the test's folder
	Upstream string                          // "" is the sandbox exchange
	Change   func(c *node.Config)            // last word on the configuration
	Log      *slog.Logger                    // nil: discarded
	Prepare  func(t testing.TB, op Operator) // after the people were added
}

// Operator is the operator's door.
type Operator = authority.Operator

// The people and passwords of every environment.
const (
	OwnerEmail    = "owner@one.example"
	SubuserEmail  = "subuser@one.example"
	StrangerEmail = "owner@two.example"
	Password      = "correct horse battery"
)

// System is a running system.
type System struct {
	*node.Node
	T        testing.TB
	Clock    *Clock
	Inbox    *courier.Inbox
	DataDir  string
	Account  latchkey.Account // its owner and sub-user
	Stranger latchkey.Account // another account, with an owner only
	Seed     latchkey.Secret  // of the owners' authenticator apps
}

// Start runs a system until the test ends.
func Start(t testing.TB, o Options) *System {
	t.Helper()
	clock := NewClock()
	s := &System{T: t, Clock: clock, Inbox: courier.NewInbox(clock.Now), DataDir: t.TempDir(), Seed: stepup.NewSeed()}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	config := node.Config{
		Store: node.StoreConfig{DataDir: s.DataDir, DatabaseURL: o.Database}, Limits: latchkey.DefaultLimits(),
		Name: "Latchkey test", Console: local, Gateway: local, Metrics: local, Upstream: o.Upstream,
		Sandbox: o.Upstream == "", IdentitySecret: []byte("identity secret of the tests, 32+"),
		AnswerDeadline: 10 * time.Second, Mail: s.Inbox, SMS: s.Inbox, Now: clock.Now, Log: o.Log,
	}
	if o.Change != nil {
		o.Change(&config)
	}
	n, err := node.Start(t.Context(), config)
	if err != nil {
		t.Fatalf("starting the system: %v", err)
	}
	s.Node = n
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := n.Stop(ctx); err != nil {
			t.Errorf("stopping the system: %v", err)
		}
	})
	s.people()
	if o.Prepare != nil {
		o.Prepare(t, n.Operator())
	}
	return s
}

var local = node.Listen{Addr: "127.0.0.1:0"}

// people adds two accounts with owners who have an authenticator app, and a
// sub-user in the first.
func (s *System) people() {
	ctx, op := s.T.Context(), s.Operator()
	var err error
	must := func(e error) {
		s.T.Helper()
		if e != nil {
			s.T.Fatal(e)
		}
	}
	s.Account, err = op.CreateAccount(ctx, "one")
	must(err)
	s.Stranger, err = op.CreateAccount(ctx, "two")
	must(err)
	owner, err := op.AddMember(ctx, s.Account, OwnerEmail, latchkey.RoleOwner, Password)
	must(err)
	must(op.EnrolTOTP(ctx, owner, s.Seed))
	_, err = op.AddMember(ctx, s.Account, SubuserEmail, latchkey.RoleSubuser, Password)
	must(err)
	stranger, err := op.AddMember(ctx, s.Stranger, StrangerEmail, latchkey.RoleOwner, Password)
	must(err)
	must(op.EnrolTOTP(ctx, stranger, s.Seed))
}

// TOTP is the owners' code of this moment. A code works once, so the clock
// first moves on by one step.
func (s *System) TOTP() string {
	s.T.Helper()
	s.Clock.Advance(30 * time.Second)
	code, err := totp.GenerateCode(s.Seed.Reveal(), s.Clock.Now())
	if err != nil {
		s.T.Fatal(err)
	}
	return code
}

// Mailed waits for the newest code that was sent after the given number of
// messages, and returns it.
func (s *System) Mailed(after int) string {
	s.T.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		messages := s.Inbox.Messages()
		for i := 0; i < len(messages)-after; i++ {
			if messages[i].Code != "" {
				return messages[i].Code
			}
		}
		time.Sleep(10 * time.Millisecond) // the courier polls in real time
	}
	s.T.Fatal("no code arrived within 10 s")
	return ""
}

// ActiveKey makes an active key as the operator.
func (s *System) ActiveKey(name string, k authority.NewKey) Bot {
	s.T.Helper()
	k.Name = name
	op := s.Operator()
	key, secret, err := op.CreateKey(s.T.Context(), s.Account, k)
	if err != nil {
		s.T.Fatal(err)
	}
	if _, _, err := op.Move(s.T.Context(), key.ID, latchkey.OpActivate); err != nil {
		s.T.Fatal(err)
	}
	return s.Bot(key.ID, secret)
}
