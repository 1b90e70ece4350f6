package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/cluster"
	"latchkey/internal/seal"
)

// newestName is the file in the data folder that says which change was the
// newest: a database that knows less was put back from a backup, and would bring
// keys back to life that were stopped since.
const newestName = "newest"

// ErrRestored says what to do with such a database.
var ErrRestored = errors.New("this database is older than what this folder has seen: it was put back from a backup. Run `latchkey restore`, which stops every key that could be one that was stopped since; its owner activates it again")

// checkNewest refuses a database that went back.
func (c StoreConfig) checkNewest(now latchkey.Revs) error {
	seen, err := c.seen()
	if err != nil {
		return err
	}
	if seen.Incarnation > now.Incarnation || seen.Incarnation == now.Incarnation && seen.Newest > now.Newest {
		return fmt.Errorf("%w (it has change %d of %d)", ErrRestored, now.Newest, seen.Newest)
	}
	return nil
}

func (c StoreConfig) seen() (r latchkey.Revs, err error) {
	text, err := os.ReadFile(filepath.Join(c.DataDir, newestName))
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		_, err = fmt.Sscanf(string(text), "%d %d", &r.Incarnation, &r.Newest)
	}
	if err != nil {
		return r, fmt.Errorf("the file %s of the data folder: %w", newestName, err)
	}
	return r, nil
}

// noteNewest writes down how far the changes have come, when they have.
func (n *Node) noteNewest(ctx context.Context) error {
	now, err := n.storage.store.Revs(ctx)
	if err != nil {
		return err
	}
	seen, err := n.config.Store.seen()
	if err != nil || seen.Incarnation == now.Incarnation && seen.Newest >= now.Newest {
		return err
	}
	return n.config.Store.note(now)
}

func (c StoreConfig) note(r latchkey.Revs) error {
	return WriteFile(filepath.Join(c.DataDir, newestName), fmt.Appendf(nil, "%d %d\n", r.Incarnation, r.Newest), 0o600)
}

// Restore makes a database safe that was put back from a backup: all nodes that
// served by it before stop, everybody signs in anew, and every active key is
// deactivated, with its activity and the mail to its owner. It returns how many.
func Restore(ctx context.Context, c StoreConfig) (int, error) {
	if err := c.found(); err != nil {
		return 0, err
	}
	log := slog.New(slog.DiscardHandler)
	s, err := c.open(ctx, seal.Load, time.Now, log)
	if err != nil {
		return 0, err
	}
	stopped, err := s.restore(ctx, authority.New(authority.Config{
		Store: s.store, Feed: atRestFeed(s.store, log), Limits: latchkey.DefaultLimits(), Now: time.Now, Log: log,
	}).Operator())
	if err == nil {
		var now latchkey.Revs
		if now, err = s.store.Revs(ctx); err == nil && c.local() != "" {
			err = c.note(now)
		}
	}
	return stopped, errors.Join(err, s.close())
}

func (s storage) restore(ctx context.Context, op authority.Operator) (stopped int, err error) {
	act := latchkey.Activity{At: s.now(), Type: latchkey.ActRestored, Source: latchkey.SourceOperator, IP: "local"}
	if err := s.store.Restored(ctx, act); err != nil {
		return 0, err
	}
	if err := s.outlast(ctx); err != nil {
		return 0, err
	}
	accounts, err := op.Accounts(ctx)
	if err != nil {
		return 0, err
	}
	for _, account := range accounts {
		keys, err := op.Keys(ctx, account)
		if err != nil {
			return stopped, err
		}
		for _, key := range keys {
			if key.Status != latchkey.StatusActive {
				continue
			}
			if _, _, err := op.Move(ctx, key.ID, latchkey.OpDeactivate); err != nil {
				return stopped, fmt.Errorf("key %s is still active: %w", key.ID, err)
			}
			stopped++
		}
	}
	return stopped, nil
}

// outlast waits once until no node of before can hold a lease: the backup lists
// nodes that are long gone, and each key would wait for them anew.
func (s storage) outlast(ctx context.Context) error {
	nodes, err := s.store.Nodes(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	for _, n := range nodes {
		if n.State != latchkey.NodeFenced {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Until(begin.Add(cluster.Wait(n.Lease)))):
		}
		if err := s.store.BuryNode(ctx, n.ID); err != nil {
			return err
		}
	}
	return nil
}
