package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"latchkey"
	"latchkey/catalog"
	"latchkey/internal/node"
	"latchkey/internal/operator"
)

type keysetCmd struct {
	Rotate keysetRotateCmd `cmd:"" help:"Make a new key for sealing and re-seal in the background."`
}

type keysetRotateCmd struct{ doorFlags }

// Run rotates the keyset.
func (c *keysetRotateCmd) Run(ctx context.Context, s streams) error {
	var r operator.Rotation
	if err := c.run(ctx, "keyset.rotate", struct{}{}, &r); err != nil {
		return err
	}
	return c.show(s, r, func() {
		fmt.Fprintf(s.out, "new key made; %d rows wait to be re-sealed\n", r.Waiting)
	})
}

type migrateCmd struct{ doorFlags }

// Run brings the schema up to date; a server does the same at its start.
func (c *migrateCmd) Run(ctx context.Context, s streams) error {
	if err := node.Migrate(ctx, c.store()); err != nil {
		return err
	}
	return c.show(s, map[string]bool{"migrated": true}, func() { fmt.Fprintln(s.out, "the database has this version's schema") })
}

type restoreCmd struct{ doorFlags }

// Run makes a database safe that was put back from a backup.
func (c *restoreCmd) Run(ctx context.Context, s streams) error {
	stopped, err := node.Restore(ctx, c.store())
	if errors.Is(err, node.ErrBusy) {
		return fmt.Errorf("%w; a server may not serve by this database before it was made safe", err)
	}
	if err != nil {
		return err
	}
	return c.show(s, map[string]int{"deactivated": stopped}, func() {
		fmt.Fprintf(s.out, "%d keys were deactivated and their owners are told; everybody signs in anew. Gateway nodes that run must be started anew\n", stopped)
	})
}

type doctorCmd struct{ doorFlags }

// finding is one thing that the doctor looked at.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`
}

// Run looks at what a server needs. It changes nothing.
func (c *doctorCmd) Run(ctx context.Context, s streams) error {
	findings := []finding{c.folder(), c.keyset(), c.signer(), c.server(ctx)}
	bad := 0
	for _, f := range findings {
		if !f.OK {
			bad++
		}
	}
	err := c.show(s, findings, func() {
		for _, f := range findings {
			mark := "ok "
			if !f.OK {
				mark = "BAD"
			}
			fmt.Fprintf(s.out, "%s %s: %s\n", mark, f.What, f.Text)
		}
	})
	if err == nil && bad > 0 {
		err = fmt.Errorf("%d of %d checks failed", bad, len(findings))
	}
	return err
}

func (c *doctorCmd) folder() finding {
	info, err := os.Stat(c.Data)
	switch {
	case err != nil:
		return finding{"data folder", false, err.Error()}
	case !info.IsDir():
		return finding{"data folder", false, c.Data + " is not a folder"}
	case info.Mode().Perm()&0o077 != 0:
		return finding{"data folder", false, fmt.Sprintf("%s is open to others (mode %04o); chmod 700 it", c.Data, info.Mode().Perm())}
	}
	return finding{"data folder", true, c.Data}
}

func (c *doctorCmd) keyset() finding {
	if keysetFromEnvironment() != "" {
		return finding{"keyset", true, "from the environment"}
	}
	path := c.KeysetFile
	if path == "" {
		path = filepath.Join(c.Data, node.KeysetName)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return finding{"keyset", false, err.Error()}
	case info.Mode().Perm()&0o077 != 0:
		return finding{"keyset", false, fmt.Sprintf("%s is open to others (mode %04o); chmod 600 it", path, info.Mode().Perm())}
	}
	return finding{"keyset", true, path}
}

func (c *doctorCmd) signer() finding {
	signer, err := c.store().Signer()
	switch {
	case latchkey.Code(err) == "no_activity_key":
		return finding{"activity key", true, "none yet; a server makes it at its start"}
	case err != nil:
		return finding{"activity key", false, err.Error()}
	}
	return finding{"activity key", true, signer.String()}
}

// server asks a running server, or opens the database, by walking the chain.
func (c *doctorCmd) server(ctx context.Context) finding {
	v, err := c.verify(ctx)
	if err != nil {
		return finding{"database", false, err.Error()}
	}
	return finding{"database", true, fmt.Sprintf("readable; the chain of %d activities is intact", v.Rows)}
}

type catalogCmd struct {
	Check catalogCheckCmd `cmd:"" help:"Check a catalog file; the built-in one when none is named."`
}

type catalogCheckCmd struct {
	File string `arg:"" optional:"" type:"path" help:"YAML file of actions."`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run checks a catalog.
func (c *catalogCheckCmd) Run(s streams) error {
	table, err := catalog.Prime()
	if c.File != "" {
		table, err = catalog.LoadFile(c.File)
	}
	if err != nil {
		return err
	}
	actions := table.Actions()
	if c.JSON {
		return printJSON(s.out, map[string]any{"ok": true, "actions": len(actions)})
	}
	_, err = fmt.Fprintf(s.out, "%d actions, no fault\n", len(actions))
	return err
}

func keysetFromEnvironment() string { return os.Getenv("LATCHKEY_KEYSET") }
