package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"latchkey"
	"latchkey/internal/evidence"
	"latchkey/internal/node"
	"latchkey/internal/operator"
)

type activityCmd struct {
	Verify activityVerifyCmd `cmd:"" help:"Check that no activity was altered: in the database, or in an export, which needs neither server nor database."`
	Export activityExportCmd `cmd:"" help:"Write all activities with a signed checkpoint, for who checks them elsewhere."`
	Key    activityKeyCmd    `cmd:"" help:"Print the public key that checks exports; hand it on before it is needed."`
}

type activityKeyCmd struct{ doorFlags }

// Run prints the public key; no server has to run.
func (c *activityKeyCmd) Run(s streams) error {
	signer, err := c.store().Signer()
	if err != nil {
		return err
	}
	return c.show(s, map[string]evidence.Key{"key": signer.Key()}, func() { fmt.Fprintln(s.out, signer.Key()) })
}

type activityExportCmd struct {
	doorFlags
	Out string `placeholder:"FILE" help:"A new file; standard output when empty."`
}

// Run writes the export. Nothing but that goes to standard output.
func (c *activityExportCmd) Run(ctx context.Context, s streams) error {
	if err := c.same(ctx); err != nil {
		return err
	}
	if c.Out == "" {
		_, err := node.Export(ctx, c.store(), s.out)
		return err
	}
	last, err := c.exportTo(ctx, c.Out)
	if err != nil {
		return err
	}
	return c.show(s, last, func() {
		fmt.Fprintf(s.out, "%d activities, signed at %s with %s\n", last.Seq, last.At.Format(time.RFC3339), last.Key)
	})
}

// exportTo writes a new file for its owner alone: it has names and addresses.
// Where it fails there is no file, since half an export proves nothing.
func (c *activityExportCmd) exportTo(ctx context.Context, path string) (evidence.Checkpoint, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return evidence.Checkpoint{}, fmt.Errorf("the export: %w; an export is never written over", err)
	}
	last, err := node.Export(ctx, c.store(), f)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return last, errors.Join(err, os.Remove(path))
	}
	return last, nil
}

// same refuses to read another database than the one of the server of the data
// folder: its activities would be those of somebody else. Any command asks it.
func (f doorFlags) same(ctx context.Context) error {
	_, err := operator.Call(ctx, f.Data, operator.Request{Op: "node.list", Database: f.store().Name()})
	switch {
	case errors.Is(err, operator.ErrNoServer):
		return nil
	case latchkey.Code(err) == "other_database":
		return latchkey.Errorf(latchkey.KindConflict, "other_database", "%v. An export reads the database itself: if it is this server's that you want, name it with --database or LATCHKEY_DATABASE", err)
	}
	return err
}

type activityVerifyCmd struct {
	doorFlags
	File  string         `arg:"" optional:"" help:"An export; the database when none is named."`
	Key   []evidence.Key `placeholder:"ed25519:..." help:"Public key of the authority, as activity key printed it there; that of the data folder when none is named. Several when it has had several."`
	Since string         `placeholder:"FILE" help:"An older export, or the log of the server, that was kept elsewhere: what it saw must still be there."`
}

// Run verifies the database or an export.
func (c *activityVerifyCmd) Run(ctx context.Context, s streams) error {
	if c.File != "" {
		return c.export(s)
	}
	if len(c.Key) > 0 || c.Since != "" {
		return usagef("name the export to verify: latchkey activity verify FILE --key ... --since ...")
	}
	v, err := c.verify(ctx)
	if err != nil {
		return err
	}
	return c.show(s, v, func() { fmt.Fprintf(s.out, "the chain of %d activities is intact\n", v.Rows) })
}

// verified is what a good export is shown as.
type verified struct {
	Rows       int64                `json:"rows"`
	Checkpoint evidence.Checkpoint  `json:"checkpoint"`
	Since      *evidence.Checkpoint `json:"since,omitempty"` // the newest of the older file
}

// export verifies a file.
func (c *activityVerifyCmd) export(s streams) error {
	trust, err := c.trust()
	if err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	last, err := evidence.Verify(f, trust)
	if err != nil {
		return bad(c.File, err)
	}
	v := verified{Rows: last.Seq, Checkpoint: last, Since: newest(trust.Marks)}
	return c.show(s, v, func() {
		fmt.Fprintf(s.out, "%d activities, as they were signed at %s with %s\n", v.Rows, last.At.Format(time.RFC3339), last.Key)
		if v.Since != nil {
			fmt.Fprintf(s.out, "they go on from activity %d of %s, signed at %s\n", v.Since.Seq, c.Since, v.Since.At.Format(time.RFC3339))
		} else {
			fmt.Fprintln(s.out, "whether later ones were cut off since, only --since can say")
		}
	})
}

// trust is what the export is compared with: the keys that were named, else
// that of the data folder where this is the server's machine, else those of the
// older file.
func (c *activityVerifyCmd) trust() (t evidence.Trust, err error) {
	t.Keys = c.Key
	if len(t.Keys) == 0 {
		signer, err := c.store().Signer()
		if err == nil {
			t.Keys = []evidence.Key{signer.Key()}
		} else if latchkey.Code(err) != "no_activity_key" {
			return t, err
		}
	}
	if c.Since != "" {
		f, err := os.Open(c.Since)
		if err != nil {
			return t, err
		}
		defer f.Close()
		if t.Marks, err = evidence.ReadMarks(f, t.Keys); err != nil {
			return t, bad(c.Since, err)
		}
	}
	if len(t.Keys)+len(t.Marks) == 0 {
		return t, usagef("%w: name with --key what `latchkey activity key` prints beside the server, or with --since an older export", evidence.ErrNoTrust)
	}
	return t, nil
}

// newest is the mark that covers most; nil when there is none.
func newest(marks []evidence.Checkpoint) (found *evidence.Checkpoint) {
	for i, m := range marks {
		if found == nil || m.Seq > found.Seq {
			found = &marks[i]
		}
	}
	return found
}

// bad names the file, and the line where one is at fault, as compilers do.
func bad(path string, err error) error {
	if fault, ok := errors.AsType[*evidence.Fault](err); ok {
		return latchkey.Errorf(latchkey.KindConflict, "activity_altered", "%s:%d: %s", path, fault.Line, fault.Reason)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// verify asks the running server, or reads the database without writing to it.
func (f doorFlags) verify(ctx context.Context) (v operator.Verification, err error) {
	raw, err := operator.Call(ctx, f.Data, f.request("activity.verify", nil))
	if errors.Is(err, operator.ErrNoServer) {
		v.Rows, err = node.VerifyAtRest(ctx, f.store())
		return v, err
	}
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(raw, &v)
}
