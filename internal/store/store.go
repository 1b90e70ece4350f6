// Package store keeps accounts, members, factors, pendings, keys and
// activities in SQLite or PostgreSQL. A method is one whole transaction, and
// whatever needs an activity is written together with it or not at all.
//
// Errors have two kinds. An *latchkey.Error is an answer: nothing was changed,
// and the code says why. Any other error promises nothing; after a commit whose
// answer was lost the change may stand or not, and the caller has to look.
//
// Both engines run the same SQL (queries/, generated into db/) on the same
// tables (migrations/). What differs is small and stands in sqlite.go and
// postgres.go: how to connect, and how a second process is kept out.
//
// Three things keep the writers apart. A compare-and-set stands in the WHERE of
// each statement that must happen once. The authority row orders everything
// that has an activity. And the name of the one process that may write stands
// in that row, so a process that was replaced cannot go on.
//
// Secrets, seeds, phone numbers and codes are sealed (package seal), bound to
// their table, column and row. Tokens, passwords and recovery codes come here
// as hashes only.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"maragu.dev/goqite"

	"latchkey"
	"latchkey/internal/seal"
	"latchkey/internal/store/db"
)

// Config says where the database is and what the store works with.
type Config struct {
	// URL is "postgres://..." for PostgreSQL; "sqlite:PATH" or a path for
	// SQLite; "" is the file latchkey.db in the working folder.
	URL  string
	Seal *seal.Box
	Now  func() time.Time
	Log  *slog.Logger
	// ReadOnly looks at a database that a server may be using: no lock, no
	// migration, every write refused.
	ReadOnly bool
}

// Store is an open database. It may be used from many goroutines.
type Store struct {
	engine *engine
	read   *db.Queries
	seal   *seal.Box
	now    func() time.Time
	log    *slog.Logger
	outbox *goqite.Queue
	letter sync.Mutex // see ReceiveLetter
	holder string     // this process in the authority row
}

// Open opens the database and brings its tables up to date. It fails, and
// writes nothing, when another process uses the database, when a newer program
// made it, or when the keyset cannot open what it holds.
func Open(ctx context.Context, c Config) (*Store, error) {
	if c.Seal == nil || c.Now == nil || c.Log == nil {
		return nil, errors.New("store: Seal, Now and Log must be set")
	}
	e, err := openEngine(ctx, c)
	if err != nil {
		return nil, err
	}
	s := &Store{
		engine: e, read: db.New(e.read), seal: c.Seal, now: c.Now, log: c.Log,
		outbox: newOutbox(e), holder: latchkey.NewID("run"),
	}
	if err := s.begin(ctx, c.ReadOnly); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return s, nil
}

// begin makes the database ready: tables, keyset, and who may write. In this
// order, since a keyset that does not fit must not be the first to write.
func (s *Store) begin(ctx context.Context, readOnly bool) error {
	if readOnly {
		if err := s.engine.checkVersion(ctx); err != nil {
			return err
		}
		return s.checkSeal(ctx)
	}
	if err := s.engine.migrate(ctx); err != nil {
		return err
	}
	return s.takeAuthority(ctx)
}

// Close ends all connections and lets another process in. Whatever was
// acknowledged is on the disk already.
func (s *Store) Close() error { return s.engine.close() }

// Health returns why the store cannot work now, or nil. A server that is not
// healthy for long should be started again: only a start takes the database
// over once more after another process had it.
func (s *Store) Health(ctx context.Context) error {
	if err := s.engine.lost(); err != nil {
		return err
	}
	row, err := s.read.Authority(ctx)
	if err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	if !s.engine.readOnly && row.Holder != s.holder {
		return errFenced
	}
	return nil
}
