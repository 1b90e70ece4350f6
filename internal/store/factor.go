package store

import (
	"context"
	"errors"

	"latchkey"
	"latchkey/internal/store/db"
)

// Factors lists a member's second factors, oldest first.
func (s *Store) Factors(ctx context.Context, memberID string) ([]latchkey.Factor, error) {
	rows, err := s.read.Factors(ctx, memberID)
	if err != nil {
		return nil, err
	}
	return each(rows, func(r db.Factor) (latchkey.Factor, error) { return factorOf(r), nil })
}

// FactorSecret reads one factor with its seed or phone number, and the newest
// TOTP step that was accepted. ErrNotFound. A secret that does not open is an
// error without a code: it is no reason to let somebody in by another way.
func (s *Store) FactorSecret(ctx context.Context, memberID, factorID string) (f latchkey.Factor, secret latchkey.Secret, lastStep int64, err error) {
	row, err := s.read.Factor(ctx, db.FactorParams{ID: factorID, MemberID: memberID})
	if err != nil {
		return latchkey.Factor{}, "", 0, found(err, latchkey.ErrNotFound)
	}
	secret, err = s.openFull("factor", "secret", row.ID, row.Secret)
	if err != nil {
		return latchkey.Factor{}, "", 0, err
	}
	return factorOf(row), secret, row.LastStep, nil
}

// UnusedRecovery counts the recovery codes that are left, so that a person can
// be told to renew them in time.
func (s *Store) UnusedRecovery(ctx context.Context, memberID string) (int, error) {
	n, err := s.read.UnusedRecovery(ctx, memberID)
	return int(n), err
}

// RecoveryUnused reports whether that hash is one of them. It is a look only:
// what uses the code up is Apply, in the transaction of what the code is for.
func (s *Store) RecoveryUnused(ctx context.Context, memberID, hash string) (bool, error) {
	n, err := s.read.RecoveryUnused(ctx, db.RecoveryUnusedParams{MemberID: memberID, Hash: hash})
	return err == nil && n > 0, err
}

// changeFactors is a deed's part about factors: what it enrols, what proved
// it, what it removes. In this order, so that a factor may prove its own
// removal.
func (t *tx) changeFactors(ctx context.Context, d latchkey.Deed) error {
	if d.AddFactor != nil {
		if err := t.addFactor(ctx, d); err != nil {
			return err
		}
	}
	if d.UsedFactor != "" {
		if err := t.useFactor(ctx, d); err != nil {
			return err
		}
	}
	if d.RemoveFactor == "" {
		return nil
	}
	return t.removeFactor(ctx, db.FactorParams{ID: d.RemoveFactor, MemberID: doer(d)})
}

// removeFactor removes one that is not the last.
func (t *tx) removeFactor(ctx context.Context, f db.FactorParams) error {
	if _, err := t.Factor(ctx, f); err != nil {
		return found(err, errFactorGone)
	}
	rows, err := t.DeleteFactor(ctx, db.DeleteFactorParams(f))
	if err := changed(rows, err, errLastFactor); err != nil {
		return err
	}
	return t.dropFactorChanges(ctx, f.MemberID)
}

// dropFactorChanges cancels every other open change of the member's factors.
// What such a pending may do was decided by the factors there were: two
// removals would leave none, and a first factor that was begun by the password
// alone would come in beside one that nobody asked.
func (t *tx) dropFactorChanges(ctx context.Context, memberID string) error {
	return t.CancelFactorChanges(ctx, db.CancelFactorChangesParams{Empty: []byte{}, MemberID: memberID})
}

// checkFirst lets a factor be validated without another one's proof only where
// there is no other. What follows from a proof comes as Deed.Next.
func (t *tx) checkFirst(ctx context.Context, p latchkey.Pending) error {
	if p.Operation != latchkey.OpValidateFactor {
		return nil
	}
	n, err := t.CountFactors(ctx, p.MemberID)
	if err == nil && n > 0 {
		return errFactorsMoved
	}
	return err
}

// addFactor enrols. The step of a code that validated the new factor itself is
// used up with it.
func (t *tx) addFactor(ctx context.Context, d latchkey.Deed) error {
	f := d.AddFactor
	if d.FactorSecret == "" {
		return errors.New("a factor needs its secret")
	}
	sealed, err := t.store.sealText("factor", "secret", f.ID, d.FactorSecret)
	if err != nil {
		return err
	}
	var step int64
	if d.UsedFactor == "" {
		step = d.TOTPStep
	}
	err = t.InsertFactor(ctx, db.InsertFactorParams{ID: f.ID, MemberID: f.MemberID, Kind: string(f.Kind), Label: plain(f.Label),
		Secret: sealed, LastStep: step, CreatedAt: micros(f.CreatedAt), LastUsed: micros(f.LastUsed)})
	if err != nil {
		return err
	}
	return t.dropFactorChanges(ctx, f.MemberID)
}

// useFactor notes the use. A TOTP step is compared and set in one statement:
// of two deeds with one code only one happens (RFC 6238, 5.2).
func (t *tx) useFactor(ctx context.Context, d latchkey.Deed) error {
	key := db.FactorParams{ID: d.UsedFactor, MemberID: doer(d)}
	if d.TOTPStep <= 0 {
		rows, err := t.UseFactor(ctx, db.UseFactorParams{ID: key.ID, MemberID: key.MemberID, LastUsed: micros(d.At)})
		return changed(rows, err, errFactorGone)
	}
	rows, err := t.UseFactorStep(ctx, db.UseFactorStepParams{ID: key.ID, MemberID: key.MemberID, LastUsed: micros(d.At), LastStep: d.TOTPStep})
	if err != nil || rows > 0 {
		return err
	}
	if _, err := t.Factor(ctx, key); err != nil {
		return found(err, errFactorGone)
	}
	return errCodeUsed
}

// changeRecovery is a deed's part about recovery codes. A code is used up by the
// statement that finds it unused, so it works once however many try it. New
// codes replace all old ones: a list that was lost is worth nothing.
func (t *tx) changeRecovery(ctx context.Context, d latchkey.Deed) error {
	if d.UsedRecovery != "" {
		rows, err := t.UseRecovery(ctx, db.UseRecoveryParams{MemberID: doer(d), Hash: d.UsedRecovery, UsedAt: micros(d.At)})
		if err := changed(rows, err, errCodeUsed); err != nil {
			return err
		}
	}
	if d.RecoveryHashes == nil {
		return nil
	}
	if err := t.DeleteRecovery(ctx, d.RecoveryOf); err != nil {
		return err
	}
	for _, hash := range d.RecoveryHashes {
		if err := t.InsertRecovery(ctx, db.InsertRecoveryParams{MemberID: d.RecoveryOf, Hash: hash}); err != nil {
			return err
		}
	}
	return nil
}

func factorOf(r db.Factor) latchkey.Factor {
	return latchkey.Factor{ID: r.ID, MemberID: r.MemberID, Kind: latchkey.FactorKind(r.Kind), Label: r.Label,
		CreatedAt: moment(r.CreatedAt), LastUsed: moment(r.LastUsed)}
}
