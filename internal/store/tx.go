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
	end   end
}

// write runs do in one transaction. An *latchkey.Error of do means that
// nothing happened. do may run several times, so it must set its results anew
// each time.
func (s *Store) write(ctx context.Context, do func(*tx) error) error {
	for try := 1; ; try++ {
		err := s.once(ctx, do)
		if err == nil || try == mostTries || !brokenOff(err) {
			return s.note(ctx, refine(err))
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// act is write for what needs an activity. It takes the authority row first,
// so all such transactions happen one after the other on both engines: a count
// stays true until the commit, and the chain has no forks. What do adds at the
// end is written after it (see settle).
func (s *Store) act(ctx context.Context, do func(*tx) error) error {
	return s.write(ctx, func(t *tx) error {
		row, err := t.LockAuthority(ctx)
		if err != nil {
			return err
		}
		if t.end, err = s.openEnd(row); err != nil {
			return err
		}
		if err := do(t); err != nil {
			return err
		}
		return t.settle(ctx)
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
		return s.undone(err, full(err))
	}
	warned := s.engine.warnings.Load()
	if err := begun.Commit(); err != nil {
		// The answer may have been lost on its way: never an *latchkey.Error,
		// which would promise that nothing happened.
		return s.undone(fmt.Errorf("commit, outcome unknown: %w", err), fullLite(err))
	}
	if s.engine.warnings.Load() != warned {
		return errWarned
	}
	return nil
}

// undone says that a full disk undid a transaction, where it did.
func (s *Store) undone(err error, full bool) error {
	if !full {
		return err
	}
	s.log.Error("store: the disk of the database is full; nothing is written until there is room", "error", err)
	return errFull
}

// note keeps why the last write failed, for whoever watches over the server. A
// refusal is no failure.
func (s *Store) note(ctx context.Context, err error) error {
	refusal, refused := errors.AsType[*latchkey.Error](err)
	switch {
	case err == nil:
		s.failed.Store(nil)
	case ctx.Err() == nil && (!refused || refusal.Kind == latchkey.KindUnavailable):
		s.failed.Store(&err)
	}
	return err
}

// Failed is why the last write failed, or nil: reading may go on all the same.
func (s *Store) Failed() error {
	if err := s.failed.Load(); err != nil {
		return *err
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
