package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"latchkey"
	"latchkey/internal/store/db"
)

// OpenPending writes the pending, its activity and its letters, so that no code
// is ever on its way for something that does not stand here. A repeated
// IdempotencyKey of the same member returns the pending of the first request
// and true; another digest under it fails with "idempotency_key_reused".
func (s *Store) OpenPending(ctx context.Context, o latchkey.Opening) (p latchkey.Pending, repeated bool, err error) {
	var first string
	err = s.together(ctx, func(ctx context.Context, t *tx) error {
		first, err = t.firstPending(ctx, o)
		if err != nil || first != "" {
			return err
		}
		if err := t.checkFirst(ctx, o.Pending); err != nil {
			return err
		}
		if err := t.insertPending(ctx, o.Pending); err != nil {
			return err
		}
		if err := t.remember(ctx, o); err != nil {
			return err
		}
		_, err = t.record(ctx, o.Activity, o.Letters)
		return err
	})
	switch {
	case err != nil:
		return latchkey.Pending{}, false, err
	case first != "":
		// As it is by now: it may have been confirmed in the meantime.
		p, err = s.Pending(ctx, first)
		return p, err == nil, err
	}
	return o.Pending, false, nil
}

// firstPending finds what an earlier request with the same IdempotencyKey
// opened; "" when there is none.
func (t *tx) firstPending(ctx context.Context, o latchkey.Opening) (string, error) {
	if o.IdempotencyKey == "" {
		return "", nil
	}
	row, err := t.Idempotency(ctx, db.IdempotencyParams{MemberID: o.Pending.MemberID, Request: o.IdempotencyKey})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case err != nil:
		return "", err
	case row.Digest != o.IdempotencyDigest:
		return "", errKeyReused
	}
	return row.PendingID, nil
}

// remember keeps the IdempotencyKey for a day (see Housekeep).
func (t *tx) remember(ctx context.Context, o latchkey.Opening) error {
	if o.IdempotencyKey == "" {
		return nil
	}
	return t.InsertIdempotency(ctx, db.InsertIdempotencyParams{MemberID: o.Pending.MemberID, Request: o.IdempotencyKey,
		Digest: o.IdempotencyDigest, PendingID: o.Pending.ID, CreatedAt: micros(o.Pending.CreatedAt)})
}

// insertPending freezes the operation: the draft is written whole, and nothing
// ever changes it again. What is applied later is this draft, never the content
// of the request that brings the code (CWE-367).
func (t *tx) insertPending(ctx context.Context, p latchkey.Pending) error {
	draft, err := encode(p.Draft)
	if err != nil {
		return err
	}
	code, err := t.store.sealText("pending", "code", p.ID, p.Code)
	if err != nil {
		return err
	}
	secret, err := t.store.sealText("pending", "new_secret", p.ID, p.NewSecret)
	if err != nil {
		return err
	}
	return t.InsertPending(ctx, db.InsertPendingParams{
		ID: p.ID, AccountID: p.AccountID, MemberID: p.MemberID, SessionID: p.SessionID, Operation: string(p.Operation),
		KeyID: p.KeyID, KeyVersion: p.KeyVersion, Draft: draft, Digest: p.Digest, State: string(p.State), Proof: string(p.Proof),
		FactorKind: string(p.FactorKind), FactorID: p.FactorID, Attempts: int64(p.Attempts), Sends: int64(p.Sends),
		CodeSentAt: micros(p.CodeSentAt), Code: code, NewSecret: secret, CreatedAt: micros(p.CreatedAt), ExpiresAt: micros(p.ExpiresAt)})
}

// pendingOf reads a row and opens what is sealed in it. The digest is not
// checked here: who applies the pending computes it again.
func (s *Store) pendingOf(r db.Pending) (latchkey.Pending, error) {
	draft, err := decode[latchkey.Draft](r.Draft)
	if err != nil {
		return latchkey.Pending{}, fmt.Errorf("pending %s: %w", r.ID, err)
	}
	code, err := s.openText("pending", "code", r.ID, r.Code)
	if err != nil {
		return latchkey.Pending{}, err
	}
	secret, err := s.openText("pending", "new_secret", r.ID, r.NewSecret)
	if err != nil {
		return latchkey.Pending{}, err
	}
	return latchkey.Pending{
		ID: r.ID, AccountID: r.AccountID, MemberID: r.MemberID, SessionID: r.SessionID, Operation: latchkey.Operation(r.Operation),
		KeyID: r.KeyID, KeyVersion: r.KeyVersion, Draft: draft, Digest: r.Digest, State: latchkey.PendingState(r.State),
		Proof: latchkey.Proof(r.Proof), FactorKind: latchkey.FactorKind(r.FactorKind), FactorID: r.FactorID,
		Attempts: int(r.Attempts), Sends: int(r.Sends), CodeSentAt: moment(r.CodeSentAt), Code: code, NewSecret: secret,
		CreatedAt: moment(r.CreatedAt), ExpiresAt: moment(r.ExpiresAt)}, nil
}

// Pending reads one, with its code and secret opened; a closed one has
// neither. ErrNotFound.
func (s *Store) Pending(ctx context.Context, id string) (latchkey.Pending, error) {
	row, err := s.read.Pending(ctx, id)
	if err != nil {
		return latchkey.Pending{}, found(err, latchkey.ErrNotFound)
	}
	return s.pendingOf(row)
}

// ChargeAttempt counts one evaluation on the pending and in the bucket and
// commits, before anybody compares. It counts nothing and fails when the
// pending is not that member's and session's (ErrNotFound), is not open
// (Pending.CheckOpen), or the bucket is full ("too_many_wrong_codes").
func (s *Store) ChargeAttempt(ctx context.Context, c latchkey.Charge) (latchkey.Pending, error) {
	var row db.Pending
	err := s.write(ctx, func(t *tx) (err error) {
		row, err = t.ChargePending(ctx, db.ChargePendingParams{ID: c.PendingID, MemberID: c.MemberID, SessionID: c.SessionID,
			Most: int64(c.Limits.MaxAttempts), Now: micros(c.Now)})
		if errors.Is(err, sql.ErrNoRows) {
			return t.whyNotCharged(ctx, c)
		}
		if err != nil {
			return err
		}
		room, err := t.charge(ctx, c.Bucket)
		if err == nil && !room {
			return tooManyWrong(c)
		}
		return err
	})
	if err != nil {
		return latchkey.Pending{}, err
	}
	return s.pendingOf(row)
}

// whyNotCharged finds the reason after the fact, in the same transaction. A
// pending of somebody else does not exist for the one who asks.
func (t *tx) whyNotCharged(ctx context.Context, c latchkey.Charge) error {
	row, err := t.Pending(ctx, c.PendingID)
	if err != nil {
		return found(err, latchkey.ErrNotFound)
	}
	if row.MemberID != c.MemberID || row.SessionID != c.SessionID {
		return latchkey.ErrNotFound
	}
	p := latchkey.Pending{State: latchkey.PendingState(row.State), Attempts: int(row.Attempts), ExpiresAt: moment(row.ExpiresAt)}
	if err := p.CheckOpen(c.Limits, c.Now); err != nil {
		return err
	}
	return errClosed
}

// tooManyWrong says when the next window of the bucket begins; it is an hour
// long, since the limit is one of an hour.
func tooManyWrong(c latchkey.Charge) error {
	e := latchkey.Errorf(latchkey.KindLimit, "too_many_wrong_codes", "too many wrong codes were entered in this account; wait before you try again")
	if left := c.Bucket.Window.Add(time.Hour).Sub(c.Now); left > 0 {
		e.RetryAfter = int((left + time.Second - 1) / time.Second)
	}
	return e
}

// NoteWrong records a wrong code. With dead the pending is closed too; one that
// is closed by then stays as it is, and the code was wrong all the same.
func (s *Store) NoteWrong(ctx context.Context, pendingID string, dead bool, act latchkey.Activity, letters ...latchkey.Letter) error {
	return s.together(ctx, func(ctx context.Context, t *tx) error {
		if dead {
			if _, err := t.ClosePending(ctx, db.ClosePendingParams{ID: pendingID, State: string(latchkey.PendingDead), Empty: []byte{}}); err != nil {
				return err
			}
		}
		_, err := t.record(ctx, act, letters)
		return err
	})
}

// Resend writes FactorKind, FactorID, Code, Sends and CodeSentAt of p,
// provided that the pending is still open and has fromSends sends; else it
// fails with "pending_changed". The code before it is gone then: it was
// overwritten, so no later mistake can accept it. The letter goes out with the
// same commit, and the one of the older code finds that it is out of date.
func (s *Store) Resend(ctx context.Context, p latchkey.Pending, fromSends int, act latchkey.Activity, letters []latchkey.Letter) error {
	code, err := s.sealText("pending", "code", p.ID, p.Code)
	if err != nil {
		return err
	}
	return s.together(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.ResendPending(ctx, db.ResendPendingParams{
			ID: p.ID, MemberID: p.MemberID, SessionID: p.SessionID, FromSends: int64(fromSends),
			FactorKind: string(p.FactorKind), FactorID: p.FactorID, Code: code, Sends: int64(p.Sends), CodeSentAt: micros(p.CodeSentAt)})
		if err := changed(rows, err, errChanged); err != nil {
			return err
		}
		_, err = t.record(ctx, act, letters)
		return err
	})
}

// ClosePending moves an open pending to another state; one that is closed
// already stays and is an error "pending_closed". ErrNotFound. Only Apply
// confirms.
func (s *Store) ClosePending(ctx context.Context, id string, to latchkey.PendingState, act latchkey.Activity) error {
	if to != latchkey.PendingCancelled && to != latchkey.PendingDead && to != latchkey.PendingVoid {
		return fmt.Errorf("a pending cannot be closed as %q", to)
	}
	return s.together(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.ClosePending(ctx, db.ClosePendingParams{ID: id, State: string(to), Empty: []byte{}})
		if err != nil {
			return err
		}
		if rows == 0 {
			if _, err := t.Pending(ctx, id); err != nil {
				return found(err, latchkey.ErrNotFound)
			}
			return errClosed
		}
		_, err = t.record(ctx, act, nil)
		return err
	})
}
