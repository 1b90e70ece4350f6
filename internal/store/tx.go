package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"latchkey"
	"latchkey/internal/store/db"
)

// mostTries bounds how often a transaction is run that the database broke off.
const mostTries = 5

// tx is a transaction that writes.
type tx struct {
	*db.Queries
	store *Store
	sql   *sql.Tx
	head  head
}

// head is the end of the chain of activities, as the transaction knows it.
type head struct {
	seq  int64
	hash string
}

// write runs do in one transaction. An *latchkey.Error of do means that
// nothing happened. do may run several times, so it must set its results anew
// each time.
func (s *Store) write(ctx context.Context, do func(*tx) error) error {
	for try := 1; ; try++ {
		err := s.once(ctx, do)
		if err == nil || try == mostTries || !brokenOff(err) {
			return refine(err)
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// act is write for what needs an activity. It takes the authority row first,
// so all such transactions happen one after the other on both engines: a count
// stays true until the commit, and the chain has no forks.
func (s *Store) act(ctx context.Context, do func(*tx) error) error {
	return s.write(ctx, func(t *tx) error {
		row, err := t.LockAuthority(ctx)
		if err != nil {
			return err
		}
		if t.head, err = s.openHead(row); err != nil {
			return err
		}
		return do(t)
	})
}

// once runs the transaction one time. do gets nothing but the transaction, so
// it cannot write past it.
func (s *Store) once(ctx context.Context, do func(*tx) error) error {
	if err := s.writable(); err != nil {
		return err
	}
	begun, err := s.engine.write.BeginTx(ctx, s.engine.options)
	if err != nil {
		if ctx.Err() == nil {
			s.log.Warn("store: write refused", "error", err)
			return errUnavailable
		}
		return fmt.Errorf("begin: %w", err)
	}
	defer begun.Rollback() // after a commit it does nothing
	if err := do(&tx{Queries: db.New(begun), store: s, sql: begun}); err != nil {
		return err
	}
	warned := s.engine.warnings.Load()
	if err := begun.Commit(); err != nil {
		// The answer may have been lost on its way: never an *latchkey.Error,
		// which would promise that nothing happened.
		return fmt.Errorf("commit, outcome unknown: %w", err)
	}
	if s.engine.warnings.Load() != warned {
		return errWarned
	}
	return nil
}

// writable returns why nothing may be written, or nil.
func (s *Store) writable() error {
	if s.engine.readOnly {
		return errReadOnly
	}
	return nil
}

// brokenOff reports whether PostgreSQL broke the transaction off for the sake
// of another: serialization failure or deadlock. It was undone, and may run
// again.
func brokenOff(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01")
}

// pause waits a little longer after each try, never as long as another waiter.
func pause(ctx context.Context, try int) error {
	wait := time.NewTimer(time.Duration(try)*5*time.Millisecond + rand.N(10*time.Millisecond))
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}

// found turns "no row" into the error that the caller is to see.
func found(err error, missing *latchkey.Error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return missing
	}
	return err
}

// changed turns "no row was changed" into an error.
func changed(rows int64, err error, missing *latchkey.Error) error {
	if err == nil && rows == 0 {
		return missing
	}
	return err
}
