package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"latchkey/internal/node"
	"latchkey/internal/operator"
)

// doorFlags are common to the operator's commands.
type doorFlags struct {
	dataFlags
	JSON bool `name:"json" help:"Print JSON."`
}

// dataFlags say where the data is.
type dataFlags struct {
	Config     string `type:"path" env:"LATCHKEY_CONFIG" placeholder:"FILE" help:"YAML file with settings named like the flags."`
	Data       string `type:"path" env:"LATCHKEY_DATA" default:"./data" placeholder:"DIR" help:"Folder of the database, the keyset and the operator's socket."`
	Database   string `env:"LATCHKEY_DATABASE" placeholder:"URL" help:"postgres://... ; SQLite in the data folder when empty."`
	KeysetFile string `type:"path" env:"LATCHKEY_KEYSET_FILE" placeholder:"FILE" help:"Keyset that seals secrets; keyset.json in the data folder when empty. LATCHKEY_KEYSET may hold its text instead."`
}

// run carries out one command: over the socket of the server that holds the
// data, or in this process when none runs.
func (f doorFlags) run(ctx context.Context, op string, args, answer any) error {
	raw, err := json.Marshal(args)
	if err != nil {
		return err
	}
	result, err := f.ask(ctx, f.request(op, raw))
	if err != nil {
		return err
	}
	return json.Unmarshal(result, answer)
}

// How long a command waits for another one that works on the same data, or for
// a server that is just starting, and how often it looks.
const (
	doorWait  = 5 * time.Second
	doorPause = 20 * time.Millisecond
)

// ask looks for a server each time: what held the data may have been one that
// was not ready yet. Nothing was done where the answer is node.ErrBusy.
func (f doorFlags) ask(ctx context.Context, req operator.Request) (json.RawMessage, error) {
	for end := time.Now().Add(doorWait); ; {
		result, err := operator.Call(ctx, f.Data, req)
		if errors.Is(err, operator.ErrNoServer) {
			result, err = f.runHere(ctx, req)
		}
		if !errors.Is(err, node.ErrBusy) || time.Now().After(end) {
			return result, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(doorPause): // another process: nothing tells when it ends
		}
	}
}

// request names the database only when the operator did: else it is whichever
// the server of the folder has.
func (f doorFlags) request(op string, args json.RawMessage) operator.Request {
	req := operator.Request{Op: op, Args: args}
	if f.Database != "" {
		req.Database = f.store().Name()
	}
	return req
}

func (f doorFlags) runHere(ctx context.Context, req operator.Request) (json.RawMessage, error) {
	door, closeDoor, err := node.OpenDoor(ctx, f.store())
	if err != nil {
		return nil, err
	}
	result, err := door.Run(ctx, req)
	return result, errors.Join(err, closeDoor())
}

// store is the part of a node's configuration that says where the data is.
func (f dataFlags) store() node.StoreConfig {
	return node.StoreConfig{DataDir: f.Data, DatabaseURL: f.Database, KeysetFile: f.KeysetFile, KeysetText: keysetFromEnvironment()}
}

// show prints an answer as JSON, or by the given function.
func (f doorFlags) show(s streams, answer any, text func()) error {
	if f.JSON {
		return printJSON(s.out, answer)
	}
	text()
	return nil
}

func printKey(s streams, k operator.Key) {
	fmt.Fprintf(s.out, "%s  %s  %q  %v  %s\n", k.ID, k.Status, k.Name, k.Permissions, k.Allowlist)
}
