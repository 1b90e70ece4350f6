package store

import (
	"context"
	"fmt"
	"time"

	"latchkey/internal/store/db"
)

// staleRow is a value that an older key of the keyset sealed.
type staleRow struct {
	ID     string
	Sealed []byte
}

// sealedColumn is one place where sealed values stand. There is no other: a
// new sealed column must be added here.
type sealedColumn struct {
	table, column string
	stale         func(ctx context.Context, mark []byte, most int32) ([]staleRow, error)
	put           func(ctx context.Context, id string, old, fresh []byte) error
}

func (t *tx) sealedColumns() []sealedColumn {
	return []sealedColumn{
		{"api_key", "secret", func(ctx context.Context, mark []byte, most int32) ([]staleRow, error) {
			return staleRows(t.StaleKeys(ctx, db.StaleKeysParams{Mark: mark, Most: most}))
		}, func(ctx context.Context, id string, old, fresh []byte) error {
			return t.ResealKey(ctx, db.ResealKeyParams{ID: id, Old: old, Fresh: fresh})
		}},
		{"factor", "secret", func(ctx context.Context, mark []byte, most int32) ([]staleRow, error) {
			return staleRows(t.StaleFactors(ctx, db.StaleFactorsParams{Mark: mark, Most: most}))
		}, func(ctx context.Context, id string, old, fresh []byte) error {
			return t.ResealFactor(ctx, db.ResealFactorParams{ID: id, Old: old, Fresh: fresh})
		}},
		{"pending", "code", func(ctx context.Context, mark []byte, most int32) ([]staleRow, error) {
			return staleRows(t.StaleCodes(ctx, db.StaleCodesParams{Mark: mark, Most: most}))
		}, func(ctx context.Context, id string, old, fresh []byte) error {
			return t.ResealCode(ctx, db.ResealCodeParams{ID: id, Old: old, Fresh: fresh})
		}},
		{"pending", "new_secret", func(ctx context.Context, mark []byte, most int32) ([]staleRow, error) {
			return staleRows(t.StaleNewSecrets(ctx, db.StaleNewSecretsParams{Mark: mark, Most: most}))
		}, func(ctx context.Context, id string, old, fresh []byte) error {
			return t.ResealNewSecret(ctx, db.ResealNewSecretParams{ID: id, Old: old, Fresh: fresh})
		}},
		{"link", "token", func(ctx context.Context, mark []byte, most int32) ([]staleRow, error) {
			return staleRows(t.StaleTokens(ctx, db.StaleTokensParams{Mark: mark, Most: most}))
		}, func(ctx context.Context, id string, old, fresh []byte) error {
			return t.ResealToken(ctx, db.ResealTokenParams{ID: id, Old: old, Fresh: fresh})
		}},
	}
}

// staleRows makes one type of the five that the generated code has.
func staleRows[R db.StaleKeysRow | db.StaleFactorsRow | db.StaleCodesRow | db.StaleNewSecretsRow | db.StaleTokensRow](rows []R, err error) ([]staleRow, error) {
	if err != nil {
		return nil, err
	}
	return each(rows, func(r R) (staleRow, error) { return staleRow(r), nil })
}

// Reseal seals up to batch values of each column anew that an older key
// sealed, and returns how many are left. Everything stays readable meanwhile,
// and a value that changes between is left to the next call. Call it until
// nothing is left; then the older keys open nothing any more. No version and no
// rev changes: the keys are the same.
func (s *Store) Reseal(ctx context.Context, batch int) (left int, err error) {
	if err := s.resealAuthority(ctx); err != nil {
		return 0, fmt.Errorf("seal anew: %w", err)
	}
	mark := s.seal.Mark()
	for i := range (&tx{}).sealedColumns() {
		// Each column in a transaction of its own, so that none lasts long.
		err := s.write(ctx, func(t *tx) error { return t.reseal(ctx, t.sealedColumns()[i], mark, int32(batch)) }) // #nosec G115 -- the constant of the caller
		if err != nil {
			return 0, fmt.Errorf("seal anew: %w", err)
		}
	}
	n, err := s.read.CountStale(ctx, mark)
	return int(n), err
}

// reseal does one column. A value that does not open stops it: sealing it anew
// for the place where it lies would bless what somebody moved there.
func (t *tx) reseal(ctx context.Context, c sealedColumn, mark []byte, most int32) error {
	rows, err := c.stale(ctx, mark, most)
	if err != nil {
		return err
	}
	for _, row := range rows {
		plain, err := t.store.seal.Open(c.table, c.column, row.ID, row.Sealed)
		if err != nil {
			return err
		}
		fresh, err := t.store.seal.Seal(c.table, c.column, row.ID, plain)
		if err != nil {
			return err
		}
		if err := c.put(ctx, row.ID, row.Sealed, fresh); err != nil {
			return err
		}
	}
	return nil
}

// resealAuthority does the same for the check value and the head of the chain.
func (s *Store) resealAuthority(ctx context.Context) error {
	return s.act(ctx, func(t *tx) error {
		row, err := t.Authority(ctx)
		if err != nil || s.seal.KeyID(row.SealCheck) == s.seal.Current() {
			return err
		}
		if err := s.openCheck(row, nil); err != nil {
			return err
		}
		check, err := s.seal.Seal("authority", "seal_check", "1", []byte(sealCheck))
		if err != nil {
			return err
		}
		if err := t.SetSealCheck(ctx, check); err != nil {
			return err
		}
		return t.moveEnd(ctx)
	})
}

// How long is kept what nobody needs any more.
const (
	keepPending = 24 * time.Hour // after it expired; also an Idempotency-Key
	keepBucket  = 48 * time.Hour
	keepRefused = 90 * 24 * time.Hour
	keepHours   = 48 * time.Hour // of refused_hour: more than the day that is shown
)

// Housekeep deletes ended sessions, old pendings and Idempotency-Keys, expired
// links, old buckets and refused calls. Keys and activities are kept for ever: an id is
// never used again, and the chain has no gaps. Each step is a transaction of
// its own, so that nobody waits long.
func (s *Store) Housekeep(ctx context.Context) error {
	now := s.now()
	steps := []func(t *tx) error{
		func(t *tx) error { return t.DeleteEndedSessions(ctx, micros(now)) },
		func(t *tx) error { return t.DeleteOldIdempotency(ctx, micros(now.Add(-keepPending))) },
		func(t *tx) error { return t.DeleteOldPendings(ctx, micros(now.Add(-keepPending))) },
		func(t *tx) error { return t.DeleteOldBuckets(ctx, micros(now.Add(-keepBucket))) },
		func(t *tx) error { return t.DeleteOldRefused(ctx, micros(now.Add(-keepRefused))) },
		func(t *tx) error { return t.DeleteOldRefusedHours(ctx, micros(now.Add(-keepHours))) },
		func(t *tx) error { return t.DeleteOldLinks(ctx, micros(now)) },
		func(t *tx) error { return t.DeleteEndedOperatorSessions(ctx, micros(now)) },
		func(t *tx) error { return t.ForgetNodes(ctx, micros(now.Add(-nodeKept))) },
	}
	for _, step := range steps {
		if err := s.write(ctx, step); err != nil {
			return fmt.Errorf("housekeeping: %w", err)
		}
	}
	return nil
}
