package store

import (
	"context"
	"errors"
	"fmt"

	"latchkey"
	"latchkey/internal/store/db"
)

// Key reads a key of that account that is not deleted. ErrKeyGone, also for a
// key of another account: the account stands in the WHERE of every query that
// is made for a member.
func (s *Store) Key(ctx context.Context, accountID, keyID string) (latchkey.Key, error) {
	row, err := s.read.Key(ctx, db.KeyParams{ID: keyID, AccountID: accountID})
	if err != nil {
		return latchkey.Key{}, found(err, latchkey.ErrKeyGone)
	}
	return keyOf(row.ApiKey, row.Tally)
}

// KeyByID reads a key of any account that is not deleted. It is for the
// operator, who knows no account. ErrKeyGone.
func (s *Store) KeyByID(ctx context.Context, keyID string) (latchkey.Key, error) {
	row, err := s.read.KeyByID(ctx, keyID)
	if err != nil {
		return latchkey.Key{}, found(err, latchkey.ErrKeyGone)
	}
	return keyOf(row.ApiKey, row.Tally)
}

// Keys lists the keys of an account that are not deleted, oldest first.
func (s *Store) Keys(ctx context.Context, accountID string) ([]latchkey.Key, error) {
	rows, err := s.read.Keys(ctx, accountID)
	if err != nil {
		return nil, err
	}
	return each(rows, func(r db.KeysRow) (latchkey.Key, error) { return keyOf(r.ApiKey, r.Tally) })
}

// changeKey is a deed's part about a key. Each change gets the next rev of the
// authority. Since that row is held until the commit, revs become visible in
// their order, and a gateway that has seen rev n misses none before it. A
// sequence would not do: 11 may commit before 10.
func (t *tx) changeKey(ctx context.Context, d latchkey.Deed) error {
	switch {
	case d.Key == nil:
		return nil
	case d.Key.Version != d.KeyFrom+1:
		return fmt.Errorf("key %s: version %d cannot follow %d", d.Key.ID, d.Key.Version, d.KeyFrom)
	}
	t.end.rev++
	rev, write := t.end.rev, t.updateKey
	if d.KeyFrom == 0 {
		write = t.insertKey
	}
	if err := write(ctx, d, rev); err != nil {
		return err
	}
	t.end.changes = append(t.end.changes, db.KeyChange{Rev: rev, KeyID: d.Key.ID, Version: d.Key.Version, Status: string(d.Key.Status), At: micros(d.At)})
	return nil
}

// insertKey makes a new key. The authority row is held, so nobody else adds
// one between the count and the commit.
func (t *tx) insertKey(ctx context.Context, d latchkey.Deed, rev int64) error {
	k := *d.Key
	if d.Secret == "" || k.Status != latchkey.StatusInactive {
		return errors.New("a new key needs a secret, and is inactive")
	}
	n, err := t.CountKeys(ctx, k.AccountID)
	if err != nil {
		return err
	}
	// Zero is no limit that somebody set: it refuses.
	if n >= int64(d.KeysMost) {
		return errTooManyKeys
	}
	row, err := keyRow(k)
	if err != nil {
		return err
	}
	row.Rev = rev
	if row.Secret, err = t.store.sealText("api_key", "secret", k.ID, d.Secret); err != nil {
		return err
	}
	if err := t.InsertKey(ctx, row); err != nil {
		return err
	}
	return t.InsertTally(ctx, k.ID)
}

// updateKey writes the key where its former version still stands, in its own
// account and not deleted. Anything else is ErrVersion, and the caller looks
// again. The secret of a deleted key is erased: a backup that is made from then
// on cannot bring it back to life.
func (t *tx) updateKey(ctx context.Context, d latchkey.Deed, rev int64) error {
	row, err := keyRow(*d.Key)
	if err != nil {
		return err
	}
	rows, err := t.UpdateKey(ctx, db.UpdateKeyParams{
		Name: row.Name, Permissions: row.Permissions, Allowlist: row.Allowlist, Status: row.Status, Version: row.Version,
		Rev: rev, UpdatedAt: row.UpdatedAt, AccountID: row.AccountID, ID: row.ID, FromVersion: d.KeyFrom})
	if err := changed(rows, err, latchkey.ErrVersion); err != nil {
		return err
	}
	if d.Key.Status != latchkey.StatusDeleted {
		return nil
	}
	return t.EraseKeySecret(ctx, db.EraseKeySecretParams{ID: row.ID, Secret: []byte{}})
}

// keyRow is a key as it stands in its row, without rev and secret.
func keyRow(k latchkey.Key) (db.InsertKeyParams, error) {
	if !k.Permissions.Valid() {
		return db.InsertKeyParams{}, fmt.Errorf("key %s: its permissions are not valid", k.ID)
	}
	permissions, err := encode(k.Permissions)
	if err != nil {
		return db.InsertKeyParams{}, err
	}
	allowlist, err := encode(k.Allowlist)
	if err != nil {
		return db.InsertKeyParams{}, err
	}
	return db.InsertKeyParams{ID: k.ID, AccountID: k.AccountID, Name: k.Name, Permissions: permissions, Allowlist: allowlist,
		Status: string(k.Status), Version: k.Version, CreatedAt: micros(k.CreatedAt), UpdatedAt: micros(k.UpdatedAt)}, nil
}

// keyOf reads a row. One that cannot be read whole is an error: a key without
// its allowlist would let everybody in.
func keyOf(r db.ApiKey, used db.Tally) (latchkey.Key, error) {
	permissions, err := decode[latchkey.Permissions](r.Permissions)
	if err != nil {
		return latchkey.Key{}, fmt.Errorf("key %s: %w", r.ID, err)
	}
	allowlist, err := decode[latchkey.Allowlist](r.Allowlist)
	if err != nil {
		return latchkey.Key{}, fmt.Errorf("key %s: %w", r.ID, err)
	}
	return latchkey.Key{ID: r.ID, AccountID: r.AccountID, Name: r.Name, Permissions: permissions, Allowlist: allowlist,
		Status: latchkey.Status(r.Status), Version: r.Version, CreatedAt: moment(r.CreatedAt), UpdatedAt: moment(r.UpdatedAt),
		LastUsed: moment(used.LastUsed)}, nil
}
