// Package store keeps accounts, members, factors, pendings, keys and
// activities in SQLite or PostgreSQL. A method is one whole transaction, or
// stands and falls by itself in one that it shares (group.go). Whatever needs an
// activity is written together with it or not at all.
//
// Errors have two kinds. An *latchkey.Error is an answer: nothing was changed,
// and the code says why. Any other error promises nothing; after a commit whose
// answer was lost the change may stand or not, and the caller has to look.
//
// Both engines run the same SQL (queries/, generated into db/) on the same
// tables (migrations/). What differs is small and stands in sqlite.go and
// postgres.go: how to connect, and how a second process is kept out.
//
// Two things keep the writers apart, in one process or in many. A
// compare-and-set stands in the WHERE of each statement that must happen once.
// And the authority row orders everything that has an activity. What gateway
// nodes and consoles need of each other stands in node.go.
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
	"sync/atomic"
	"time"

	"maragu.dev/goqite"

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
	// Gateway is for a gateway node alone, whose database role changes no table
	// and no key: nothing is migrated or made.
	Gateway bool
}

// Store is an open database. It may be used from many goroutines.
type Store struct {
	engine *engine
	read   *db.Queries
	seal   *seal.Box
	now    func() time.Time
	log    *slog.Logger
	outbox *goqite.Queue
	letter sync.Mutex            // see ReceiveLetter
	failed atomic.Pointer[error] // why the last write failed; nil: it did not
	group  *group
}

// Open opens the database and brings its tables up to date. It fails, and
// writes nothing, when another process uses the SQLite file, when a newer program
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
		outbox: newOutbox(e), group: newGroup(),
	}
	if err := s.begin(ctx, c.ReadOnly || c.Gateway); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return s, nil
}

// begin makes the database ready: tables, keyset, and who may write. In this
// order, since a keyset that does not fit must not be the first to write. A guest
// takes it as it is.
func (s *Store) begin(ctx context.Context, guest bool) error {
	if guest {
		if err := s.engine.checkVersion(ctx); err != nil {
			return err
		}
		return s.checkSeal(ctx)
	}
	if err := s.engine.migrate(ctx); err != nil {
		return err
	}
	return s.makeAuthority(ctx)
}

// Close ends all connections and lets another process in. Whatever was
// acknowledged is on the disk already.
func (s *Store) Close() error { return s.engine.close() }

// Health returns why the store cannot work now, or nil.
func (s *Store) Health(ctx context.Context) error {
	if _, err := s.read.Authority(ctx); err != nil {
		return fmt.Errorf("the database does not answer: %w", err)
	}
	return nil
}
