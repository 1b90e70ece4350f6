package store

import (
	"context"
	"errors"

	"latchkey"
	"latchkey/internal/store/db"
)

// Apply writes a deed: all of it or nothing. The pending comes first, so of two
// confirmations at once the second stops there; the activity comes last and
// closes the deed. Errors: ErrVersion, "name_taken",
// "too_many_keys", "pending_closed", "code_replaced", "code_used",
// "factor_not_found". It returns the activity as it was numbered.
func (s *Store) Apply(ctx context.Context, d latchkey.Deed) (latchkey.Activity, error) {
	if d.At.IsZero() {
		return latchkey.Activity{}, errors.New("a deed needs its time")
	}
	var done latchkey.Activity
	err := s.together(ctx, func(ctx context.Context, t *tx) error {
		parts := []func(context.Context, latchkey.Deed) error{
			t.confirm, t.changeKey, t.changeFactors, t.changeRecovery, t.finishSession, t.refund, t.openNext,
		}
		for _, part := range parts {
			if err := part(ctx, d); err != nil {
				return err
			}
		}
		var err error
		done, err = t.record(ctx, d.Activity, d.Letters)
		return err
	})
	if err != nil {
		return latchkey.Activity{}, err
	}
	return done, nil
}

// confirm closes the pending of the deed, provided that it is still the one
// that was evaluated: open, of that member and session, without a resend since
// (the code that was compared is the newest), and with the digest of what was
// shown (PSD2 RTS, article 5). One statement compares and sets.
func (t *tx) confirm(ctx context.Context, d latchkey.Deed) error {
	p := d.Pending
	if p == nil {
		return nil
	}
	rows, err := t.ConfirmPending(ctx, db.ConfirmPendingParams{ID: p.ID, MemberID: p.MemberID, SessionID: p.SessionID,
		Sends: int64(p.Sends), Digest: p.Digest, Empty: []byte{}})
	if err != nil || rows > 0 {
		return err
	}
	row, err := t.Pending(ctx, p.ID)
	if err != nil {
		return found(err, errClosed)
	}
	if row.State == string(latchkey.PendingOpen) && row.Sends != int64(p.Sends) {
		return errCodeReplaced
	}
	return errClosed
}

// finishSession makes a session full under its new token and for its full time.
// The token of the half session, which more people may have seen, ends here
// (CWE-384).
func (t *tx) finishSession(ctx context.Context, d latchkey.Deed) error {
	if d.FullSession == "" {
		return nil
	}
	if d.TokenHash == "" || d.SessionEnds.IsZero() {
		return errors.New("a full session needs a new token and its end")
	}
	rows, err := t.FinishSession(ctx, db.FinishSessionParams{ID: d.FullSession, MemberID: doer(d), TokenHash: d.TokenHash, EndsAt: micros(d.SessionEnds)})
	return changed(rows, err, latchkey.ErrNotFound)
}

// refund gives back an evaluation that was right: only wrong codes count
// against the account.
func (t *tx) refund(ctx context.Context, d latchkey.Deed) error {
	if d.Refund == nil {
		return nil
	}
	return t.RefundBucket(ctx, db.RefundBucketParams{Name: d.Refund.Name, Begins: micros(d.Refund.Window)})
}

// openNext opens the pending that follows from this one, as the validation of a
// new factor follows from the permission to enrol one.
func (t *tx) openNext(ctx context.Context, d latchkey.Deed) error {
	if d.Next != nil {
		if err := t.insertPending(ctx, *d.Next); err != nil {
			return err
		}
	}
	return t.post(ctx, d.NextLetters, 0)
}

// doer is the member who did the deed: the one of the pending, never another.
func doer(d latchkey.Deed) string {
	if d.Pending != nil {
		return d.Pending.MemberID
	}
	return d.Activity.MemberID
}
