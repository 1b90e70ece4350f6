package authority

import (
	"context"
	"errors"
	"strings"
	"time"

	"latchkey"
	"latchkey/internal/stepup"
)

// applyTime bounds the writing of a deed. It does not end with the request: a
// browser that goes away must not leave the outcome of a commit unknown.
const applyTime = 10 * time.Second

// Confirm takes the proof of a pending and, when it is right, carries out what
// was frozen. The order is the guarantee: charge the evaluation, commit, then
// compare, so that parallel guesses cannot be more than the tries.
func (a *Authority) Confirm(ctx context.Context, actor latchkey.Actor, id string, ans Answer) (Outcome, error) {
	p, err := a.mine(ctx, actor, id)
	if err != nil {
		return Outcome{}, err
	}
	if ans, err = a.readable(p, ans); err != nil {
		return Outcome{}, err
	}
	charge := latchkey.Charge{
		PendingID: p.ID, MemberID: actor.MemberID, SessionID: actor.SessionID,
		Now: a.now(), Limits: a.limits, Bucket: a.wrongCodes(p),
	}
	if p, err = a.store.ChargeAttempt(ctx, charge); err != nil {
		return Outcome{}, err
	}
	if err := intact(p); err != nil {
		return Outcome{}, err
	}
	proof, err := a.evaluate(ctx, p, ans, charge.Now)
	if err != nil {
		return Outcome{}, err
	}
	if !proof.right {
		return Outcome{}, a.wrong(ctx, actor, p, proof)
	}
	return a.carryOut(ctx, actor, p, proof, charge.Bucket)
}

// wrongCodes counts wrong codes of a member and hour, those of sign-ins by
// themselves, and of each known browser apart: neither a sub-user nor who knows
// a password keeps the owner from signing in at home or from stopping a key. The
// charge is given back with a right one.
func (a *Authority) wrongCodes(p latchkey.Pending) latchkey.Bucket {
	name := "wrong_code:"
	if p.Operation == latchkey.OpSignIn {
		name = "wrong_sign_in_code:"
	}
	of := p.MemberID
	if p.Draft.Browser != "" {
		of += ":" + p.Draft.Browser
	}
	return latchkey.Bucket{Name: name + of, Window: a.now().Truncate(time.Hour), Limit: a.limits.WrongCodesHourly}
}

// readable refuses, without an evaluation, what cannot be the proof: no code
// at all, a code that has expired, a recovery code where none counts.
func (a *Authority) readable(p latchkey.Pending, ans Answer) (Answer, error) {
	if err := p.CheckOpen(a.limits, a.now()); err != nil {
		return ans, err
	}
	if ans.Recovery != "" {
		if ans.Code != "" || ans.Passkey != nil || !recoveryCounts(p.Operation) {
			return ans, latchkey.Invalid("recoveryCode", "recovery_not_accepted", "a recovery code signs you in and replaces a lost factor; it confirms nothing else")
		}
		if !stepup.IsRecovery(ans.Recovery) {
			return ans, latchkey.Invalid("recoveryCode", "invalid_code", "a recovery code has 24 letters and digits (16 in former ones)")
		}
		return ans, nil
	}
	if ans.Passkey != nil || p.FactorKind == latchkey.FactorPasskey {
		return ans, a.readablePasskey(p, ans)
	}
	code, ok := stepup.NormalCode(ans.Code)
	switch {
	case !ok:
		return ans, latchkey.Invalid("code", "invalid_code", "a code has 6 digits")
	case p.FactorKind == "":
		return ans, latchkey.Errorf(latchkey.KindConflict, "factor_not_chosen", "choose a factor first")
	case a.codeExpired(p, a.now()):
		return ans, latchkey.Errorf(latchkey.KindConflict, "code_expired", "this code has expired; ask for a new one")
	}
	return Answer{Code: code}, nil
}

// recoveryCounts says where a recovery code stands in for a factor: to get in,
// and to replace what was lost. Never for a key.
func recoveryCounts(op latchkey.Operation) bool {
	switch op {
	case latchkey.OpSignIn, latchkey.OpEnrolFactor, latchkey.OpRemoveFactor, latchkey.OpRecoveryRenewal:
		return true
	}
	return false
}

func (a *Authority) codeExpired(p latchkey.Pending, now time.Time) bool {
	return p.SendsCode() && !now.Before(p.CodeExpiresAt(a.limits))
}

// intact fails when the pending is not what was opened: it was altered in the
// database. The content must be what the digest was made from, the proof the
// one of the table, and the factor of a kind that can give that proof: a code
// by e-mail is never a second factor, whatever the row says.
func intact(p latchkey.Pending) error {
	enrolled := p.FactorKind == latchkey.FactorTOTP || p.FactorKind == latchkey.FactorSMS || p.FactorKind == latchkey.FactorPasskey
	var fits bool
	switch p.Proof {
	case latchkey.ProofEmailCode:
		fits = p.FactorKind == latchkey.FactorEmail && p.FactorID == ""
	case latchkey.ProofSecondFactor:
		fits = enrolled && p.FactorID != ""
	case latchkey.ProofNewFactor:
		fits = enrolled && p.FactorID == "" && p.FactorKind == p.Draft.FactorKind
	}
	if !fits || p.Proof != latchkey.ProofFor(p.Operation) || p.Digest == "" || p.ContentDigest() != p.Digest {
		return errors.New("pending " + p.ID + ": the stored content does not match its digest or its proof; refused")
	}
	return nil
}

// proof is the result of one evaluation.
type proof struct {
	right    bool
	used     bool            // not right, but it was before
	factorID string          // of the enrolled factor that proved
	step     int64           // its TOTP step, or the counter of a passkey
	recovery string          // hash of the recovery code to be used up
	secret   latchkey.Secret // the credential of a passkey that enrols
	note     string          // what the entry of a refusal says beyond that
}

// evaluate compares. It has been charged for already.
func (a *Authority) evaluate(ctx context.Context, p latchkey.Pending, ans Answer, now time.Time) (proof, error) {
	if ans.Recovery != "" {
		return a.evaluateRecovery(ctx, p, ans.Recovery)
	}
	if a.codeExpired(p, now) {
		return proof{}, nil
	}
	switch {
	case p.Proof == latchkey.ProofSecondFactor:
		return a.evaluateEnrolled(ctx, p, ans, now)
	case p.FactorKind == latchkey.FactorPasskey:
		return a.evaluateNewPasskey(ctx, p, ans)
	case p.SendsCode():
		return proof{right: stepup.EqualCode(p.Code, ans.Code)}, nil
	case p.FactorKind == latchkey.FactorTOTP:
		step, ok := stepup.CheckTOTP(p.NewSecret, ans.Code, now, 0)
		return proof{right: ok, step: step}, nil
	}
	return proof{}, nil // an unknown factor proves nothing
}

// evaluateEnrolled compares with what an enrolled factor makes or was sent.
func (a *Authority) evaluateEnrolled(ctx context.Context, p latchkey.Pending, ans Answer, now time.Time) (proof, error) {
	factor, seed, last, err := a.store.FactorSecret(ctx, p.MemberID, p.FactorID)
	if errors.Is(err, latchkey.ErrNotFound) || (err == nil && factor.Kind != p.FactorKind) {
		return proof{}, latchkey.Errorf(latchkey.KindConflict, "factor_not_found", "this second factor was removed in the meantime; choose another one")
	}
	switch {
	case err != nil:
		return proof{}, err
	case p.FactorKind == latchkey.FactorSMS:
		return proof{right: stepup.EqualCode(p.Code, ans.Code), factorID: p.FactorID}, nil
	case p.FactorKind == latchkey.FactorTOTP:
		step, ok := stepup.CheckTOTP(seed, ans.Code, now, last)
		made := proof{right: ok, factorID: p.FactorID, step: step}
		// Who signs in and edits within 30 s types one code twice. It is charged
		// like any wrong one; only the words differ, and help nobody to guess.
		if _, known := stepup.CheckTOTP(seed, ans.Code, now, 0); known && !ok {
			made.used, made.note = true, "; this code of the app was used already"
		}
		return made, nil
	case p.FactorKind == latchkey.FactorPasskey:
		return a.evaluatePasskey(p, seed, last, ans)
	}
	return proof{}, nil
}

// evaluateRecovery looks the hash up. Hashes of 80 random bits need no
// constant-time compare; the store uses the code up in the deed itself.
func (a *Authority) evaluateRecovery(ctx context.Context, p latchkey.Pending, code string) (proof, error) {
	hash := stepup.HashRecovery(p.MemberID, code)
	unused, err := a.store.RecoveryUnused(ctx, p.MemberID, hash)
	return proof{right: unused && err == nil, recovery: hash}, err
}

// wrong records a wrong proof; the last one closes the pending.
func (a *Authority) wrong(ctx context.Context, actor latchkey.Actor, p latchkey.Pending, pr proof) error {
	left := max(0, a.limits.MaxAttempts-p.Attempts)
	kind := latchkey.ActCodeWrong
	if left == 0 {
		kind = latchkey.ActPendingDied
	}
	act := a.activity(actor, kind)
	act.KeyID, act.Subject, act.Note = p.KeyID, p.Draft.KeyName, p.Draft.Summary+pr.note
	var letters []latchkey.Letter
	if left == 0 {
		letters = noticeTo(p.MemberID) // somebody may be guessing
	}
	if err := a.store.NoteWrong(ctx, p.ID, left == 0, act, letters...); err != nil {
		return err
	}
	field, what := "code", "wrong code"
	if p.FactorKind == latchkey.FactorPasskey && pr.recovery == "" {
		field, what = "passkey", "this passkey proves nothing here"
	}
	e := latchkey.Invalid(field, "wrong_code", "%s; tries left: %d", what, left)
	if pr.used {
		e = codeUsed(left)
	}
	if left == 0 {
		e = latchkey.Errorf(latchkey.KindConflict, "pending_dead", "%s, and it was the last try; nothing was changed; start anew", what)
	}
	e.Left = left
	return e
}

// carryOut writes what was frozen.
func (a *Authority) carryOut(ctx context.Context, actor latchkey.Actor, p latchkey.Pending, pr proof, charged latchkey.Bucket) (Outcome, error) {
	deed := latchkey.Deed{
		At: a.now(), Pending: &p, UsedFactor: pr.factorID, TOTPStep: pr.step,
		FactorSecret: pr.secret, UsedRecovery: pr.recovery, Refund: &charged,
	}
	out := Outcome{Operation: p.Operation}
	var err error
	if latchkey.KeyOperation(p.Operation) {
		err = a.deedOfKey(ctx, actor, p, &deed, &out)
	} else {
		err = a.deedOfGuard(ctx, actor, p, &deed, &out)
	}
	if err == nil {
		noteRecovery(&deed)
		out.Receipt, err = a.apply(ctx, deed)
	}
	if errors.Is(err, latchkey.ErrVersion) || errors.Is(err, latchkey.ErrKeyGone) {
		a.void(ctx, actor, p)
	}
	if latchkey.Code(err) == "code_used" { // of two at once the other one was first
		return Outcome{}, codeUsed(max(0, a.limits.MaxAttempts-p.Attempts))
	}
	if err != nil {
		return Outcome{}, err
	}
	return out, nil
}

// codeUsed is about a right code that was right before. It cost a try.
func codeUsed(left int) *latchkey.Error {
	e := latchkey.Errorf(latchkey.KindConflict, "code_used", "this code was used already; wait for the next one; tries left: %d", left)
	e.Left = left
	return e
}

// noteRecovery makes the entry say that a recovery code stood in for a factor.
func noteRecovery(deed *latchkey.Deed) {
	if act := &deed.Activity; deed.UsedRecovery != "" && act.Type != latchkey.ActRecoveryUsed {
		act.Note = strings.TrimPrefix(act.Note+"; allowed by a recovery code", "; ")
	}
}

// void closes a pending whose key changed under it.
func (a *Authority) void(ctx context.Context, actor latchkey.Actor, p latchkey.Pending) {
	act := a.activity(actor, latchkey.ActPendingCancelled)
	act.KeyID, act.Subject, act.Note = p.KeyID, p.Draft.KeyName, "the key had changed: "+p.Draft.Summary
	if err := a.store.ClosePending(ctx, p.ID, latchkey.PendingVoid, act); err != nil {
		a.log.WarnContext(ctx, "a pending whose key changed was not closed", "pending", p.ID, "error", err)
	}
}

// deedOfKey says what a confirmed operation writes on a key: exactly the
// frozen content, on exactly the version it was made for.
func (a *Authority) deedOfKey(ctx context.Context, actor latchkey.Actor, p latchkey.Pending, deed *latchkey.Deed, out *Outcome) error {
	key := latchkey.Key{AccountID: p.AccountID, Name: p.Draft.KeyName, CreatedAt: a.now()}
	if p.Operation == latchkey.OpCreate {
		key.ID = latchkey.NewKeyID()
		deed.Secret, deed.KeysMost = latchkey.NewSecret(), a.limits.KeysPerAccount
	} else {
		stored, err := a.store.Key(ctx, p.AccountID, p.KeyID)
		if err != nil {
			return err
		}
		if stored.Version != p.KeyVersion {
			return latchkey.ErrVersion
		}
		key = stored
	}
	after, err := key.Moved(p.Operation, a.now())
	if err != nil {
		return err
	}
	after.Permissions, after.Allowlist = p.Draft.Permissions, p.Draft.Allowlist
	deed.Key, deed.KeyFrom = &after, p.KeyVersion
	deed.Activity = a.keyActivity(actor, p.Operation, after, p.Draft.Changes)
	deed.Letters = notice()
	out.Key, out.Secret = &after, deed.Secret
	return nil
}

// apply writes a deed and, where it is about a key, brings it to the gateways.
// When the outcome of the commit is unknown the key is stopped until its state
// was read again: a lost answer must not leave old rights in force.
func (a *Authority) apply(ctx context.Context, deed latchkey.Deed) (latchkey.Receipt, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), applyTime)
	defer cancel()
	_, err := a.store.Apply(ctx, deed)
	if err != nil {
		if _, known := errors.AsType[*latchkey.Error](err); !known && deed.Key != nil {
			a.feed.Doubt(deed.Key.ID)
		}
		return latchkey.Receipt{}, err
	}
	if deed.Key == nil {
		return latchkey.Receipt{}, nil
	}
	receipt, err := a.feed.Publish(ctx, *deed.Key, deed.Secret)
	if err != nil {
		a.feed.Doubt(deed.Key.ID)
	}
	return receipt, err
}
