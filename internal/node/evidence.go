package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"time"

	"latchkey"
	"latchkey/internal/evidence"
	"latchkey/internal/seal"
	"latchkey/internal/store"
)

// SignerName is the file of the key that signs the activities. It is not part of
// the keyset, which gateway machines have, too: those can forge no evidence.
const SignerName = "activity.key"

func (c StoreConfig) signerPath() string { return filepath.Join(c.DataDir, SignerName) }

// Signer reads the key that signs the activities; a server makes it at its
// start, and nothing else does: a new one where it was lost would look like
// somebody else's.
func (c StoreConfig) Signer() (evidence.Signer, error) {
	s, err := evidence.Load(c.signerPath())
	if errors.Is(err, fs.ErrNotExist) {
		return s, latchkey.Errorf(latchkey.KindNotFound, "no_activity_key", "there is no %s in %s: `latchkey serve` makes it at its start; say with --data where its data folder is", SignerName, c.DataDir)
	}
	return s, err
}

// VerifyAtRest walks the hash chain where no server runs. It writes nothing:
// what somebody altered stays as it is found.
func VerifyAtRest(ctx context.Context, c StoreConfig) (rows int64, err error) {
	err = c.look(ctx, func(s *store.Store) error {
		rows, err = storage{store: s}.VerifyActivity(ctx)
		return err
	})
	return rows, err
}

// Export writes all activities, with a signed checkpoint at the end, and returns
// that. A server may be running. An entry that was altered ends it without a
// checkpoint ("activity_altered").
func Export(ctx context.Context, c StoreConfig, w io.Writer) (last evidence.Checkpoint, err error) {
	if err := c.found(); err != nil {
		return last, err
	}
	signer, err := c.Signer()
	if err != nil {
		return last, err
	}
	err = c.look(ctx, func(s *store.Store) error {
		out := evidence.NewWriter(w)
		end, err := s.ReadActivity(ctx, out.Add)
		if err != nil {
			return altered(err)
		}
		last = signer.Sign(end, time.Now())
		return out.Close(last)
	})
	return last, err
}

// look opens the database to read it alone, beside a server or without one.
func (c StoreConfig) look(ctx context.Context, do func(*store.Store) error) error {
	if err := c.found(); err != nil {
		return err
	}
	box, err := c.openBox(seal.Load)
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Config{URL: c.url(), Seal: box, Now: time.Now, Log: slog.New(slog.DiscardHandler), ReadOnly: true})
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.Close())
}

// VerifyActivity walks the hash chain.
func (s storage) VerifyActivity(ctx context.Context) (int64, error) {
	rows, err := s.store.VerifyActivity(ctx)
	return rows, altered(err)
}

// altered gives an altered entry a code, "activity_altered", so that a script
// can tell it from a database that does not answer.
func altered(err error) error {
	if broken, ok := errors.AsType[*store.BrokenChain](err); ok {
		return latchkey.Errorf(latchkey.KindConflict, "activity_altered", "%s", broken)
	}
	return err
}

// signing names the work of Node.sign in the log.
const signing = "signing the activities"

// signing logs a signed checkpoint when activities were added since the last
// one. Where the log is kept elsewhere, it is evidence that this machine cannot
// take back.
func (n *Node) signs() func(context.Context) error {
	var signed evidence.End
	return func(ctx context.Context) error {
		end, err := n.storage.store.ActivityEnd(ctx)
		if err != nil {
			return fmt.Errorf("the activities: %w", err)
		}
		if end != signed {
			n.config.Log.InfoContext(ctx, "activities signed", "checkpoint", n.storage.signer.Sign(end, n.config.Now()))
			signed = end
		}
		return nil
	}
}
