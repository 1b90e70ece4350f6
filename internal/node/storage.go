package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/cluster"
	"latchkey/internal/evidence"
	"latchkey/internal/operator"
	"latchkey/internal/seal"
	"latchkey/internal/store"
)

// Names of files in the data folder.
const (
	KeysetName   = "keyset.json"
	databaseName = "latchkey.db"
)

// StoreConfig says where the data is.
type StoreConfig struct {
	DataDir     string
	DatabaseURL string // "" is SQLite in the data folder
	KeysetText  string // the keyset itself, from the environment; wins over a file
	KeysetFile  string // "" is keyset.json in the data folder, made at first start
	// Gateway is for a gateway node alone: it finds keyset and database made, and
	// has no data folder.
	Gateway bool
}

// storage is the open database with the keyset that opens what it holds.
type storage struct {
	box    *seal.Box
	store  *store.Store
	signer evidence.Signer // only a server's has one
	now    func() time.Time
	unlock func() error // of the data folder
}

// openStorage makes what is missing of the data folder (mode 0700), the keyset,
// the key that signs the activities and the database, and opens them.
func openStorage(ctx context.Context, c StoreConfig, now func() time.Time, log *slog.Logger) (storage, error) {
	if c.Gateway {
		return c.open(ctx, seal.Load, now, log)
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return storage{}, fmt.Errorf("data folder: %w", err)
	}
	s, err := c.open(ctx, seal.LoadOrMake, now, log)
	if err != nil {
		return storage{}, err
	}
	if s.signer, err = evidence.LoadOrMake(c.signerPath()); err != nil {
		return storage{}, errors.Join(err, s.close())
	}
	return s, nil
}

// open takes the data folder for this process alone, the keyset (see openBox)
// and the database.
func (c StoreConfig) open(ctx context.Context, missing func(path string) (*seal.Box, error), now func() time.Time, log *slog.Logger) (storage, error) {
	unlock := func() error { return nil }
	var err error
	if !c.Gateway { // many gateways may share a folder that holds nothing but a keyset
		unlock, err = c.lock()
	}
	if err != nil {
		return storage{}, err
	}
	box, err := c.openBox(missing)
	if err != nil {
		return storage{}, errors.Join(err, unlock())
	}
	s, err := store.Open(ctx, store.Config{URL: c.url(), Seal: box, Now: now, Log: log, Gateway: c.Gateway})
	if err != nil {
		return storage{}, errors.Join(err, unlock())
	}
	return storage{box: box, store: s, now: now, unlock: unlock}, nil
}

// close lets another process in. What was never opened needs no closing.
func (s storage) close() error {
	if s.store == nil {
		return nil
	}
	return errors.Join(s.store.Close(), s.unlock())
}

// Migrate makes what is missing of the data and brings the database to this
// version's schema; a server does the same at its start.
func Migrate(ctx context.Context, c StoreConfig) error {
	s, err := openStorage(ctx, c, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return s.close()
}

func (c StoreConfig) url() string {
	if c.DatabaseURL != "" {
		return c.DatabaseURL
	}
	return "sqlite:" + filepath.Join(c.DataDir, databaseName)
}

// openBox loads the keyset that was named, or opens the one of the data folder
// with missing, which may make it.
func (c StoreConfig) openBox(missing func(path string) (*seal.Box, error)) (*seal.Box, error) {
	switch {
	case c.KeysetText != "":
		return seal.Parse(c.KeysetText)
	case c.KeysetFile != "":
		return seal.Load(c.KeysetFile) // named by the operator: never made silently
	}
	path := filepath.Join(c.DataDir, KeysetName)
	box, err := seal.Load(path)
	if !errors.Is(err, os.ErrNotExist) {
		return box, err
	}
	// A database is made after its keyset. Where one is, its keyset was lost,
	// and a new one would stand in the place of the right one.
	if _, found := os.Stat(c.local()); found == nil {
		return nil, fmt.Errorf("%w; there is a database in that folder, and only its own keyset opens it: put that back from your backup", err)
	}
	return missing(path)
}

// RotateKeyset makes a new primary key; the node re-seals in the background.
// The activity comes first: no record, no deed.
func (s storage) RotateKeyset(ctx context.Context) (int, error) {
	if err := s.box.Rotatable(); err != nil {
		return 0, err
	}
	act := latchkey.Activity{At: s.now(), Type: latchkey.ActKeysetRotated, Source: latchkey.SourceOperator, IP: "local"}
	if err := s.store.Record(ctx, act); err != nil {
		return 0, err
	}
	if err := s.box.Rotate(); err != nil {
		return 0, err
	}
	return s.store.Reseal(ctx, resealBatch)
}

// resealBatch is how many rows one transaction re-seals.
const resealBatch = 100

// OpenDoor opens the operator's door in this process, when no server holds the
// data: ErrBusy when one does. It makes neither folder nor keyset nor database
// ("no_data"). The returned function closes it.
func OpenDoor(ctx context.Context, c StoreConfig) (operator.Door, func() error, error) {
	log := slog.New(slog.DiscardHandler)
	if err := c.found(); err != nil {
		return operator.Door{}, nil, err
	}
	s, err := c.open(ctx, seal.Load, time.Now, log)
	if err != nil {
		return operator.Door{}, nil, err
	}
	auth := authority.New(authority.Config{Store: s.store, Feed: atRestFeed(s.store, log), Limits: latchkey.DefaultLimits(), Now: time.Now, Log: log})
	return operator.Door{Authority: auth.Operator(), Maintenance: atRest{s}, Database: c.Name()}, s.close, nil
}

// atRest is the storage while no server runs: nobody works in the background.
type atRest struct{ storage }

// RotateKeyset re-seals everything before it returns.
func (s atRest) RotateKeyset(ctx context.Context) (int, error) {
	left, err := s.storage.RotateKeyset(ctx)
	for err == nil && left > 0 {
		left, err = s.store.Reseal(ctx, resealBatch)
	}
	return left, err
}

// atRestFeed is for a command that works on the database itself. Where that is
// shared, gateway nodes of other machines may be serving, and are waited for.
func atRestFeed(s *store.Store, log *slog.Logger) authority.Feed {
	if !s.Shared() {
		return noGateway{}
	}
	return barrierOnly{cluster.NewBarrier(s, cluster.RealClock(), log, nil)}
}

// barrierOnly is the feed of a process that serves nothing, beside others that
// may.
type barrierOnly struct{ barrier *cluster.Barrier }

// Publish waits until the change is in force everywhere.
func (b barrierOnly) Publish(ctx context.Context, _ latchkey.Key, _ latchkey.Secret) (latchkey.Receipt, error) {
	return b.barrier.PassAll(ctx)
}

// Doubt has nothing to stop here; other processes read the database.
func (barrierOnly) Doubt(string) {}

// noGateway is the feed of a process that serves nothing: a change is in force
// as soon as it is written, because the next server reads it at its start.
type noGateway struct{}

// Publish has nobody to tell.
func (noGateway) Publish(context.Context, latchkey.Key, latchkey.Secret) (latchkey.Receipt, error) {
	return latchkey.Receipt{}, nil
}

// Doubt has nothing to stop.
func (noGateway) Doubt(string) {}
