package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/courier"
	"latchkey/internal/node"
	"latchkey/internal/stepup"
)

type demoCmd struct {
	Data       string `type:"path" env:"LATCHKEY_DATA" default:"./data" placeholder:"DIR" help:"Folder for everything that the demo keeps."`
	Console    string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Console and management API."`
	Gateway    string `default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"Gateway, http."`
	GatewayTLS string `name:"gateway-tls" default:"127.0.0.1:8443" placeholder:"HOST:PORT" help:"Gateway, https with a certificate made at first start."`
	LogLevel   string `enum:"debug,info,warn,error" default:"info" help:"What the log in the data folder holds."`
}

// demoFile is DIR/demo.json: where a running demo is, for scripts. It is part
// of the contract for scripts.
type demoFile struct {
	Console         string `json:"console"`
	Gateway         string `json:"gateway"`
	GatewayTLS      string `json:"gateway_tls"`
	Inbox           string `json:"inbox"`
	Metrics         string `json:"metrics"`
	Email           string `json:"email"`
	Password        string `json:"password"`
	TOTPSecret      string `json:"totp_secret"`
	SubuserEmail    string `json:"subuser_email"`
	SubuserPassword string `json:"subuser_password"`
}

// Names of the demo's own files in its data folder.
const (
	demoFileName  = "demo.json"
	peopleName    = "demo-people.json" // who can sign in, kept between starts
	botName       = "bot.env"
	demoLogName   = "latchkey.log"
	demoAccount   = "demo"
	demoKeyName   = "bot-1"
	demoOwner     = "owner@demo.example"
	demoSubuser   = "subuser@demo.example"
	demoStopLimit = 10 * time.Second
)

// Run starts everything, says where it is, and stops at the first signal.
func (c *demoCmd) Run(ctx context.Context, s streams) error {
	if err := errors.Join(checkListen("--console", c.Console), checkListen("--gateway", c.Gateway), checkListen("--gateway-tls", c.GatewayTLS)); err != nil {
		return usageError{err}
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	log, closeLog, err := fileLog(filepath.Join(c.Data, demoLogName), c.LogLevel)
	if err != nil {
		return err
	}
	defer closeLog()
	inbox, err := startInbox()
	if err != nil {
		return err
	}
	defer inbox.stop()
	n, err := node.Start(ctx, c.node(inbox, log))
	if err != nil {
		return err
	}
	err = c.serve(ctx, s, n, inbox)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), demoStopLimit)
	defer cancel()
	return errors.Join(err, n.Stop(stop))
}

// node is the demo's configuration: what `serve` has, with a sandbox exchange
// behind it and an inbox instead of providers.
func (c *demoCmd) node(inbox *demoInbox, log *slog.Logger) node.Config {
	return node.Config{
		Store:          node.StoreConfig{DataDir: c.Data, KeysetText: keysetFromEnvironment()},
		Console:        node.Listen{Addr: c.Console},
		Gateway:        node.Listen{Addr: c.Gateway},
		GatewayTLS:     node.Listen{Addr: c.GatewayTLS},
		SelfMadeTLS:    true,
		Metrics:        node.Listen{Addr: "127.0.0.1:0"},
		Sandbox:        true,
		Mail:           inbox.box,
		SMS:            inbox.box,
		Limits:         demoLimits(),
		Name:           "Latchkey demo",
		Now:            time.Now,
		Log:            log,
		AnswerDeadline: 30 * time.Second,
	}
}

// demoLimits are the usual ones, but for text messages: those of the demo cost
// nothing, and whoever tries it comes from this one machine.
func demoLimits() latchkey.Limits {
	l := latchkey.DefaultLimits()
	const plenty = 100_000
	l.SMS.Source, l.SMS.Account, l.SMS.Country = latchkey.Rate{Hour: plenty, Day: plenty}, latchkey.Rate{Hour: plenty, Day: plenty}, plenty
	return l
}

// serve fills the demo with people and a key, publishes demo.json, and waits.
func (c *demoCmd) serve(ctx context.Context, s streams, n *node.Node, inbox *demoInbox) error {
	path := filepath.Join(c.Data, demoFileName)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s of an earlier start: %w", path, err)
	}
	people, err := c.settle(ctx, n)
	if err != nil {
		return fmt.Errorf("setting up the demo account: %w", err)
	}
	people.Console, people.Gateway, people.GatewayTLS = n.ConsoleURL, n.GatewayURL, n.GatewayTLSURL
	people.Inbox, people.Metrics = inbox.url, n.MetricsURL
	if err := writeJSON(path, people); err != nil {
		return err
	}
	defer os.Remove(path)
	c.greet(s, people)
	select {
	case <-ctx.Done():
		fmt.Fprintln(s.err, "stopping")
		return nil
	case err := <-n.Failed():
		return err
	}
}

// settle makes the account, its owner with an authenticator app, a sub-user
// and a key for the ready bot call. Each step looks first whether it was done,
// so that a start that was cut short is finished by the next one.
func (c *demoCmd) settle(ctx context.Context, n *node.Node) (demoFile, error) {
	op := n.Operator()
	account, err := op.Account(ctx, demoAccount)
	missing := latchkey.Code(err) == "account_not_found"
	if err != nil && !missing {
		return demoFile{}, err
	}
	people, err := c.people(missing) // kept before the account is made, so that its passwords are known
	if err == nil && missing {
		account, err = op.CreateAccount(ctx, demoAccount)
	}
	if err != nil {
		return people, err
	}
	if err := c.addPeople(ctx, n, account, people); err != nil {
		return people, err
	}
	return people, c.settleBot(ctx, op, account, n.GatewayURL)
}

// people reads who can sign in, or makes them up at the first start. Those of
// an account that is there cannot be made up: its passwords are others.
func (c *demoCmd) people(first bool) (demoFile, error) {
	path := filepath.Join(c.Data, peopleName)
	var people demoFile
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		return people, json.Unmarshal(text, &people)
	case !errors.Is(err, os.ErrNotExist):
		return people, err
	case !first:
		return people, fmt.Errorf("the account is there, but %s with its passwords is gone: put that file back, or start with another --data", path)
	}
	people = demoFile{
		Email: demoOwner, Password: latchkey.NewID("pw"), TOTPSecret: stepup.NewSeed().Reveal(),
		SubuserEmail: demoSubuser, SubuserPassword: latchkey.NewID("pw"),
	}
	return people, writeJSON(path, people)
}

// addPeople adds the owner, with an authenticator app, and the sub-user, as
// far as they are missing.
func (c *demoCmd) addPeople(ctx context.Context, n *node.Node, account latchkey.Account, people demoFile) error {
	op := n.Operator()
	members, err := op.Members(ctx, account)
	if err != nil {
		return err
	}
	settled := func(email string, role latchkey.Role, password string) (latchkey.Member, error) {
		if i := slices.IndexFunc(members, func(m latchkey.Member) bool { return m.Email == email }); i >= 0 {
			return members[i], nil
		}
		return op.AddMember(ctx, account, email, role, password)
	}
	owner, err := settled(people.Email, latchkey.RoleOwner, people.Password)
	if err != nil {
		return err
	}
	has, err := n.HasFactor(ctx, owner)
	if err == nil && !has {
		err = op.EnrolTOTP(ctx, owner, latchkey.Secret(people.TOTPSecret))
	}
	if err != nil {
		return err
	}
	_, err = settled(people.SubuserEmail, latchkey.RoleSubuser, people.SubuserPassword)
	return err
}

// settleBot makes the key of the ready bot call, once: an owner who deletes it
// does not find another one at the next start. A start that was cut short left
// the key as it was created, inactive and of version 1. Where the file was
// written the key is activated; else nobody has its secret, and another takes
// its place.
func (c *demoCmd) settleBot(ctx context.Context, op authority.Operator, account latchkey.Account, gateway string) error {
	keys, err := op.Keys(ctx, account)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(keys, func(k latchkey.Key) bool {
		return k.Name == demoKeyName && k.Version == 1 && k.Status == latchkey.StatusInactive
	})
	path := filepath.Join(c.Data, botName)
	_, err = os.Stat(path)
	switch {
	case err == nil && at >= 0:
		return activateBot(ctx, op, keys[at].ID, path)
	case err == nil:
		return nil
	case at >= 0:
		if _, _, err := op.Move(ctx, keys[at].ID, latchkey.OpDelete); err != nil {
			return err
		}
	}
	return c.addBot(ctx, op, account, gateway)
}

// activateBot activates the key when the file is of that key, and not of one
// that had its name before.
func activateBot(ctx context.Context, op authority.Operator, id, path string) error {
	values, err := readEnvFile(path)
	if err != nil || values["LATCHKEY_KEY"] != id {
		return err
	}
	_, _, err = op.Move(ctx, id, latchkey.OpActivate)
	return err
}

// addBot creates the key, writes its file and activates it, in this order: see
// settleBot.
func (c *demoCmd) addBot(ctx context.Context, op authority.Operator, account latchkey.Account, gateway string) error {
	key, secret, err := op.CreateKey(ctx, account, authority.NewKey{Name: demoKeyName, Permissions: latchkey.NewPermissions(latchkey.Trade)})
	if latchkey.Code(err) == "name_taken" || latchkey.Code(err) == "too_many_keys" {
		return nil // its secret cannot be shown again
	}
	if err != nil {
		return err
	}
	env := fmt.Sprintf("# key %s of the demo account\nLATCHKEY_GATEWAY=%s\nLATCHKEY_KEY=%s\nLATCHKEY_SECRET=%s\n", demoKeyName, gateway, key.ID, secret.Reveal())
	if err := node.WriteFile(filepath.Join(c.Data, botName), []byte(env), 0o600); err != nil {
		return err
	}
	_, _, err = op.Move(ctx, key.ID, latchkey.OpActivate)
	return err
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return node.WriteFile(path, append(text, '\n'), 0o600)
}

// greet prints what to open and a bot's calls by the program that runs, which
// need not be in the path. No secret is printed.
func (c *demoCmd) greet(s streams, d demoFile) {
	file := func(name string) string { return filepath.Join(c.Data, name) }
	fmt.Fprintf(s.out, `Latchkey is running. Ctrl-C stops it; the data stays in %s.

  console    %s      reading page of its API: %s/docs
  inbox      %s      every mail and SMS of the demo
  gateway    %s and %s
             (certificate to trust: %s)
  sign in    %s and %s; passwords and TOTP seed: %s

A bot's call, ready to copy:
  %s call --env %s --gateway %s get_my_account_status_v3
and what the exchange pushes over WebSocket:
  %s watch --env %s --gateway %s BTC-USD
`, c.Data, d.Console, d.Console, d.Inbox, d.Gateway, d.GatewayTLS, file(node.CertificateName),
		d.Email, d.SubuserEmail, file(demoFileName), os.Args[0], file(botName), d.Gateway, os.Args[0], file(botName), d.Gateway)
}

// demoInbox shows what would have been sent.
type demoInbox struct {
	box    *courier.Inbox
	url    string
	server *http.Server
}

// startInbox listens on a free port of the loopback address.
func startInbox() (*demoInbox, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	box := courier.NewInbox(time.Now)
	in := &demoInbox{box: box, url: "http://" + ln.Addr().String(), server: &http.Server{Handler: box.Handler(), ReadHeaderTimeout: 10 * time.Second}}
	go in.server.Serve(ln)
	return in, nil
}

func (in *demoInbox) stop() { _ = in.server.Close() }
