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
}

// storage is the open database with the keyset that opens what it holds.
type storage struct {
	box   *seal.Box
	store *store.Store
	now   func() time.Time
}

// openStorage makes the data folder (mode 0700), loads or makes the keyset and
// opens the database.
func openStorage(ctx context.Context, c StoreConfig, now func() time.Time, log *slog.Logger) (storage, error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return storage{}, fmt.Errorf("data folder: %w", err)
	}
	box, err := c.openBox(seal.LoadOrMake)
	if err != nil {
		return storage{}, err
	}
	s, err := store.Open(ctx, store.Config{URL: c.url(), Seal: box, Now: now, Log: log})
	return storage{box: box, store: s, now: now}, err
}

func (c StoreConfig) url() string {
	if c.DatabaseURL != "" {
		return c.DatabaseURL
	}
	return "sqlite:" + c.file()
}

// file is the database in the data folder.
func (c StoreConfig) file() string { return filepath.Join(c.DataDir, databaseName) }

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
	if _, found := os.Stat(c.file()); c.DatabaseURL == "" && found == nil {
		return nil, fmt.Errorf("%w; there is a database in that folder, and only its own keyset opens it: put that back from your backup", err)
	}
	return missing(path)
}

// VerifyAtRest walks the hash chain where no server runs. It writes nothing:
// what somebody altered stays as it is found.
func VerifyAtRest(ctx context.Context, c StoreConfig) (int64, error) {
	box, err := c.openBox(seal.Load)
	if err != nil {
		return 0, err
	}
	s, err := store.Open(ctx, store.Config{URL: c.url(), Seal: box, Now: time.Now, Log: slog.New(slog.DiscardHandler), ReadOnly: true})
	if err != nil {
		return 0, err
	}
	rows, err := storage{store: s}.VerifyActivity(ctx)
	return rows, errors.Join(err, s.Close())
}

// RotateKeyset makes a new primary key; the node re-seals in the background.
// The activity comes first: no record, no deed.
func (s storage) RotateKeyset(ctx context.Context) (int, error) {
	act := latchkey.Activity{At: s.now(), Type: latchkey.ActKeysetRotated, Source: latchkey.SourceOperator, IP: "local"}
	if err := s.store.Record(ctx, act); err != nil {
		return 0, err
	}
	if err := s.box.Rotate(); err != nil {
		return 0, err
	}
	return s.store.Reseal(ctx, resealBatch)
}

// VerifyActivity walks the hash chain. An entry that was altered is a
// *latchkey.Error with code "activity_altered", so that a script can tell it
// from a database that does not answer.
func (s storage) VerifyActivity(ctx context.Context) (int64, error) {
	rows, err := s.store.VerifyActivity(ctx)
	if broken, ok := errors.AsType[*store.BrokenChain](err); ok {
		return rows, latchkey.Errorf(latchkey.KindConflict, "activity_altered", "%s", broken)
	}
	return rows, err
}

// resealBatch is how many rows one transaction re-seals.
const resealBatch = 100

// OpenDoor opens the operator's door in this process, when no server holds the
// data. The returned function closes it.
func OpenDoor(ctx context.Context, c StoreConfig) (operator.Door, func() error, error) {
	log := slog.New(slog.DiscardHandler)
	s, err := openStorage(ctx, c, time.Now, log)
	if err != nil {
		return operator.Door{}, nil, err
	}
	auth := authority.New(authority.Config{Store: s.store, Feed: noGateway{}, Limits: latchkey.DefaultLimits(), Now: time.Now, Log: log})
	return operator.Door{Authority: auth.Operator(), Maintenance: atRest{s}}, s.store.Close, nil
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

// noGateway is the feed of a process that serves nothing: a change is in force
// as soon as it is written, because the next server reads it at its start.
type noGateway struct{}

// Publish has nobody to tell.
func (noGateway) Publish(context.Context, latchkey.Key, latchkey.Secret) (latchkey.Receipt, error) {
	return latchkey.Receipt{}, nil
}

// Doubt has nothing to stop.
func (noGateway) Doubt(string) {}
