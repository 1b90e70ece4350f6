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
}

// openStorage makes the data folder (mode 0700), loads or makes the keyset and
// opens the database.
func openStorage(ctx context.Context, c StoreConfig, now func() time.Time, log *slog.Logger) (storage, error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return storage{}, fmt.Errorf("data folder: %w", err)
	}
	box, err := openBox(c)
	if err != nil {
		return storage{}, err
	}
	url := c.DatabaseURL
	if url == "" {
		url = "sqlite:" + filepath.Join(c.DataDir, databaseName)
	}
	s, err := store.Open(ctx, store.Config{URL: url, Seal: box, Now: now, Log: log})
	return storage{box: box, store: s}, err
}

func openBox(c StoreConfig) (*seal.Box, error) {
	switch {
	case c.KeysetText != "":
		return seal.Parse(c.KeysetText)
	case c.KeysetFile != "":
		return seal.Load(c.KeysetFile) // named by the operator: never made silently
	}
	return seal.LoadOrMake(filepath.Join(c.DataDir, KeysetName))
}

// RotateKeyset makes a new primary key; the node re-seals in the background.
func (s storage) RotateKeyset(ctx context.Context) (int, error) {
	if err := s.box.Rotate(); err != nil {
		return 0, err
	}
	act := latchkey.Activity{At: time.Now(), Type: latchkey.ActKeysetRotated, Source: latchkey.SourceOperator, IP: "local"}
	if err := s.store.Record(ctx, act); err != nil {
		return 0, err
	}
	return s.store.Reseal(ctx, resealBatch)
}

// VerifyActivity walks the hash chain.
func (s storage) VerifyActivity(ctx context.Context) (int64, error) {
	return s.store.VerifyActivity(ctx)
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
	finish := func() error { return errors.Join(s.resealAll(ctx), s.store.Close()) }
	return operator.Door{Authority: auth.Operator(), Maintenance: s}, finish, nil
}

// resealAll finishes a rotation that was asked for while no server ran.
func (s storage) resealAll(ctx context.Context) error {
	for {
		left, err := s.store.Reseal(ctx, resealBatch)
		if err != nil || left == 0 {
			return err
		}
	}
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
