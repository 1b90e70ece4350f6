package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

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
	req := operator.Request{Op: op, Args: raw}
	result, err := operator.Call(ctx, f.Data, req)
	if errors.Is(err, operator.ErrNoServer) {
		result, err = f.runHere(ctx, req)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(result, answer)
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
