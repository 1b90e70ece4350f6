package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"latchkey"
	"latchkey/internal/store/db"
)

// KeyMaterial reads one key with its secret, for a gateway that lost track of
// it. It takes the lock that every change takes, so a commit whose answer was
// lost and which may still be on its way has ended before the key is read: a
// reading without it could bring rights back that are about to be taken away.
// ErrKeyGone, also for a deleted key.
func (s *Store) KeyMaterial(ctx context.Context, keyID string) (latchkey.Key, latchkey.Secret, error) {
	var k latchkey.Key
	var secret latchkey.Secret
	err := s.act(ctx, func(t *tx) error {
		row, err := t.KeyByID(ctx, keyID)
		if err != nil {
			return found(err, latchkey.ErrKeyGone)
		}
		k, secret, err = s.material(row.ApiKey, row.Tally)
		return err
	})
	return k, secret, err
}

func (s *Store) material(r db.ApiKey, used db.Tally) (latchkey.Key, latchkey.Secret, error) {
	k, err := keyOf(r, used)
	if err != nil {
		return latchkey.Key{}, "", err
	}
	secret, err := s.openFull("api_key", "secret", r.ID, r.Secret)
	if err != nil {
		return latchkey.Key{}, "", err
	}
	return k, secret, nil
}

// refusedKept is how many refused calls of one key are kept.
const refusedKept = 1000

// NoteUse adds what the gateway noted: when keys were used and which calls
// were refused. Of each key the newest 1,000 refused calls are kept, so nobody
// can fill the disk with refusals. It changes no key and takes no rev. A key
// that is unknown here is passed over; of uses, each key comes once.
func (s *Store) NoteUse(ctx context.Context, uses []latchkey.KeyUse, calls []latchkey.RefusedCall) error {
	if len(uses) == 0 && len(calls) == 0 {
		return nil
	}
	return s.write(ctx, func(t *tx) error {
		if err := t.noteRefused(ctx, calls); err != nil {
			return err
		}
		for some := range slices.Chunk(uses, usesAtOnce) {
			if err := t.addUses(ctx, some); err != nil {
				return err
			}
		}
		for _, u := range uses {
			if err := t.countRefused(ctx, u); err != nil {
				return err
			}
		}
		return nil
	})
}

// usesAtOnce is how many keys' uses are added by one statement.
const usesAtOnce = 100

// addUses is written by hand, of placeholders only: its length is not known
// before, and a statement for each key took more of the processor than their
// calls' verdicts. Both engines name the columns of VALUES in this way.
func (t *tx) addUses(ctx context.Context, uses []latchkey.KeyUse) error {
	rows, args := make([]string, 0, len(uses)), make([]any, 0, 4*len(uses))
	for _, u := range uses {
		n := len(args)
		rows = append(rows, fmt.Sprintf("($%d, CAST($%d AS BIGINT), CAST($%d AS BIGINT), CAST($%d AS BIGINT))", n+1, n+2, n+3, n+4))
		args = append(args, u.KeyID, micros(u.LastUsed), u.Allowed, u.Refused)
	}
	// #nosec G202 -- only placeholders are put together
	_, err := t.sql.ExecContext(ctx, `UPDATE tally SET
		last_used = CASE WHEN last_used < u.column2 THEN u.column2 ELSE last_used END,
		allowed = allowed + u.column3, refused = refused + u.column4
		FROM (VALUES `+strings.Join(rows, ", ")+`) AS u WHERE tally.key_id = u.column1`, args...)
	return err
}

// noteRefused numbers the calls in one go: the row of refused_head makes two
// gateways that write at once wait for each other, and for nobody else.
func (t *tx) noteRefused(ctx context.Context, calls []latchkey.RefusedCall) error {
	if len(calls) == 0 {
		return nil
	}
	last, err := t.NextRefused(ctx, int64(len(calls)))
	if err != nil {
		return err
	}
	var keys []string
	for i, c := range calls {
		err := t.InsertRefused(ctx, db.InsertRefusedParams{Seq: last - int64(len(calls)-1-i), At: micros(c.At), AccountID: c.AccountID,
			KeyID: c.KeyID, Action: plain(c.Action), IP: plain(c.IP), Reason: c.Reason, Detail: plain(c.Detail), RequestID: plain(c.RequestID)})
		if err != nil {
			return err
		}
		if !slices.Contains(keys, c.KeyID) {
			keys = append(keys, c.KeyID)
		}
	}
	for _, id := range keys {
		if err := t.TrimRefused(ctx, db.TrimRefusedParams{KeyID: id, Keep: refusedKept}); err != nil {
			return err
		}
		if err := t.TrimForged(ctx, db.TrimForgedParams{KeyID: id, Keep: refusedKept}); err != nil {
			return err
		}
	}
	return nil
}

// RefusedCalls lists, newest first, refused calls of one key with a smaller
// number than before (0: from the newest).
func (s *Store) RefusedCalls(ctx context.Context, accountID, keyID string, before int64, limit int) ([]latchkey.RefusedCall, error) {
	if limit < 1 || limit > 1000 {
		return nil, latchkey.Invalid("limit", "invalid_limit", "ask for 1 to 1000 refused calls, not %d", limit)
	}
	if before <= 0 {
		before = 1<<63 - 1
	}
	rows, err := s.read.RefusedCalls(ctx, db.RefusedCallsParams{AccountID: accountID, KeyID: keyID, Before: before, Most: int32(limit)})
	if err != nil {
		return nil, err
	}
	return each(rows, func(r db.RefusedCall) (latchkey.RefusedCall, error) {
		return latchkey.RefusedCall{Seq: r.Seq, At: moment(r.At), AccountID: r.AccountID, KeyID: r.KeyID, Action: r.Action,
			IP: r.IP, Reason: r.Reason, Detail: r.Detail, RequestID: r.RequestID}, nil
	})
}
