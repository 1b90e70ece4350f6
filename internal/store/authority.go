package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"latchkey/internal/store/db"
)

// sealCheck is what every database holds sealed, to recognise its keyset.
const sealCheck = "latchkey"

// errKeyset says what to do when the keyset is not the one of the database.
var errKeyset = errors.New("the keyset in use cannot open what this database holds: give the keyset that belongs to it (its file is part of your backup); a new one would make every key useless")

// makeAuthority makes the authority row in a new database, and looks whether
// the keyset is the one of an old one.
func (s *Store) makeAuthority(ctx context.Context) error {
	err := s.write(ctx, func(t *tx) error {
		if err := t.insertAuthority(ctx); err != nil {
			return err
		}
		return s.openCheck(t.Authority(ctx))
	})
	if err != nil {
		return fmt.Errorf("the database cannot be used: %w", err)
	}
	return nil
}

// insertAuthority does nothing where there is a row already. So a keyset that is
// new can become the one of a new database only.
func (t *tx) insertAuthority(ctx context.Context) error {
	check, err := t.store.seal.Seal("authority", "seal_check", "1", []byte(sealCheck))
	if err != nil {
		return err
	}
	first := head{}
	sealed, err := t.store.sealHead(first)
	if err != nil {
		return err
	}
	return t.InsertAuthority(ctx, db.InsertAuthorityParams{
		ActivityHash: first.hash, ActivitySeal: sealed, SealCheck: check})
}

// checkSeal fails when the keyset is not the one of the database. It writes
// nothing.
func (s *Store) checkSeal(ctx context.Context) error {
	row, err := s.read.Authority(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return errors.New("the database is empty: no server has started on it yet")
	}
	return s.openCheck(row, err)
}

// openCheck opens the check value of the row.
func (s *Store) openCheck(row db.Authority, err error) error {
	if err != nil {
		return fmt.Errorf("read the authority row: %w", err)
	}
	opened, err := s.seal.Open("authority", "seal_check", "1", row.SealCheck)
	if err != nil || string(opened) != sealCheck {
		return errKeyset
	}
	return nil
}

// sealHead seals the head of the chain, bound to its number. A hash alone can
// be computed by anybody who writes to the database; this cannot.
func (s *Store) sealHead(h head) ([]byte, error) {
	return s.seal.Seal("authority", "activity_seal", strconv.FormatInt(h.seq, 10), []byte(h.hash))
}

// openEnd reads the end, and refuses a head that this program did not leave:
// the next entry would bless a chain that somebody made anew.
func (s *Store) openEnd(row db.LockAuthorityRow) (end, error) {
	h := head{seq: row.ActivitySeq, hash: row.ActivityHash}
	return end{rev: row.Rev, head: h}, s.checkHead(h, row.ActivitySeal)
}

// checkHead compares the head with its sealed copy.
func (s *Store) checkHead(h head, sealed []byte) error {
	opened, err := s.seal.Open("authority", "activity_seal", strconv.FormatInt(h.seq, 10), sealed)
	if err != nil || string(opened) != h.hash {
		return &BrokenChain{h.seq, "the chain does not end as it was sealed: it was cut or made anew; restore a backup"}
	}
	return nil
}
