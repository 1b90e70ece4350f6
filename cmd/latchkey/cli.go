package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/alecthomas/kong"

	"latchkey"
	"latchkey/internal/api"
)

// Exit codes, part of the contract for scripts.
const (
	exitOK     = 0
	exitFailed = 1 // the command was understood, and refused or not possible
	exitUsage  = 2 // the command line or the configuration is wrong
)

// cli is the whole command line. A command is a struct with a Run method in
// the file of its name.
type cli struct {
	Demo     demoCmd     `cmd:"" help:"The whole system on this machine, with a sandbox exchange, an inbox for mails and SMS, and a demo account."`
	Serve    serveCmd    `cmd:"" help:"Console, management API and gateway."`
	Gateway  gatewayCmd  `cmd:"" help:"A gateway node alone, beside consoles on the same PostgreSQL."`
	Sandbox  sandboxCmd  `cmd:"" help:"The sandbox exchange alone, to put behind a gateway."`
	Account  accountCmd  `cmd:"" help:"Create, list or show accounts (the operator's door)."`
	Member   memberCmd   `cmd:"" help:"Add, list or remove members of an account (the operator's door)."`
	Key      keyCmd      `cmd:"" help:"Create, list, show, activate, deactivate or delete keys (the operator's door)."`
	Nodes    nodesCmd    `cmd:"" help:"List the gateway nodes and how far each has followed the changes (the operator's door)."`
	Keyset   keysetCmd   `cmd:"" help:"Rotate the keyset that seals secrets."`
	Activity activityCmd `cmd:"" help:"Verify the activities, or export them as evidence."`
	Call     callCmd     `cmd:"" help:"Sign one call with a key and send it to a gateway."`
	Watch    watchCmd    `cmd:"" help:"Show what a gateway pushes over WebSocket: order books, trades and the key's own account."`
	Sign     signCmd     `cmd:"" help:"Print the string to sign of a call, and its signature."`
	Catalog  catalogCmd  `cmd:"" help:"Check a catalog of actions."`
	Migrate  migrateCmd  `cmd:"" help:"Bring the database to this version's schema."`
	Restore  restoreCmd  `cmd:"" help:"Make a database safe that was put back from a backup: stop every active key, end every session."`
	Doctor   doctorCmd   `cmd:"" help:"Look for what would keep a server from starting or being safe."`
	OpenAPI  openapiCmd  `cmd:"" name:"openapi" help:"Print the OpenAPI document of the management API."`
	Version  versionCmd  `cmd:"" help:"Print the version."`
}

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(s streams) error {
	_, err := fmt.Fprintln(s.out, "latchkey", version)
	return err
}

type openapiCmd struct{}

// Run prints the document that a server serves at /openapi.json; no server has
// to run.
func (openapiCmd) Run(s streams) error {
	_, err := fmt.Fprintf(s.out, "%s\n", api.Document())
	return err
}

// usageError is an error that the person at the keyboard mends on the command
// line or in the configuration: exit code 2.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run parses and carries out one command and returns the exit code.
func run(ctx context.Context, args []string, s streams) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c, kong.Name("latchkey"),
		kong.Description("API keys for trading platforms: a console for their owners, a gateway that enforces them."),
		kong.Writers(s.out, s.err), kong.Exit(func(code int) { exited = code }),
		kong.UsageOnError(), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Resolvers(configFile{}), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(s))
	if err != nil {
		fmt.Fprintln(s.err, "latchkey:", err)
		return exitUsage
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		return report(misread(err), wantsJSON(args), s.err)
	}
	return report(parsed.Run(), wantsJSON(args), s.err)
}

// misread is what is wrong with a command line. About a file of settings it
// says that alone: kong puts the flag in front that it was looking at, which
// is often --help.
func misread(err error) error {
	if bad, ok := errors.AsType[usageError](err); ok {
		return bad
	}
	return usagef("%w; run `latchkey --help` to see how it is used", err)
}

func wantsJSON(args []string) bool {
	for _, a := range args {
		if a == "--json" {
			return true
		}
	}
	return false
}

// report writes an error for a person, or with --json for a program, to
// standard error and returns the exit code.
func report(err error, asJSON bool, w io.Writer) int {
	if err == nil {
		return exitOK
	}
	code, name := exitFailed, "failed"
	if _, usage := errors.AsType[usageError](err); usage {
		code, name = exitUsage, "usage"
	}
	if known, ok := errors.AsType[*latchkey.Error](err); ok {
		name = known.Code
		if known.Kind == latchkey.KindInvalid {
			code = exitUsage
		}
	}
	if asJSON {
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": name, "message": err.Error()}})
	} else {
		fmt.Fprintln(w, "latchkey:", err)
	}
	return code
}

// printJSON writes a value for a program: one object or array, indented.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
