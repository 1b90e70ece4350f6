package authority

import (
	"context"
	"errors"

	"latchkey"
	"latchkey/internal/stepup"
)

// maxFactors is the most second factors that a member may have.
const maxFactors = 5

// Factors lists the actor's own factors and how many recovery codes are left.
func (a *Authority) Factors(ctx context.Context, actor latchkey.Actor) ([]latchkey.Factor, int, error) {
	if err := mustBeMember(actor); err != nil {
		return nil, 0, err
	}
	factors, err := a.store.Factors(ctx, actor.MemberID)
	if err != nil {
		return nil, 0, err
	}
	left, err := a.store.UnusedRecovery(ctx, actor.MemberID)
	return factors, left, err
}

// EnrolTOTP asks for an authenticator app as a factor. It needs the password
// again and, where a factor exists, its proof; then the new factor's own code.
func (a *Authority) EnrolTOTP(ctx context.Context, actor latchkey.Actor, password string, idem Idempotency) (Step, error) {
	draft := latchkey.Draft{FactorKind: latchkey.FactorTOTP, FactorLabel: "Authenticator app", Summary: "add an authenticator app"}
	return a.enrol(ctx, actor, password, draft, stepup.NewSeed(), idem)
}

// EnrolPhone asks for a phone as a factor, on the same terms.
func (a *Authority) EnrolPhone(ctx context.Context, actor latchkey.Actor, password, phone string, idem Idempotency) (Step, error) {
	if a.forbidSMS {
		return Step{}, latchkey.Errorf(latchkey.KindForbidden, "sms_forbidden", "phones are not accepted here; add an authenticator app")
	}
	phone, err := latchkey.NormalPhone(phone)
	if err != nil {
		return Step{}, err
	}
	if err := a.allowed(phone); err != nil {
		return Step{}, err
	}
	masked := stepup.MaskPhone(phone)
	draft := latchkey.Draft{FactorKind: latchkey.FactorSMS, FactorLabel: masked, Summary: "add phone " + masked}
	return a.enrol(ctx, actor, password, draft, latchkey.Secret(phone), idem)
}

func (a *Authority) enrol(ctx context.Context, actor latchkey.Actor, password string, draft latchkey.Draft, secret latchkey.Secret, idem Idempotency) (Step, error) {
	if err := a.checkPassword(ctx, actor, password); err != nil {
		return Step{}, err
	}
	factors, err := a.store.Factors(ctx, actor.MemberID)
	if err != nil {
		return Step{}, err
	}
	if len(factors) >= maxFactors {
		return Step{}, latchkey.Errorf(latchkey.KindConflict, "too_many_factors", "at most %d factors; remove one first", maxFactors)
	}
	op := latchkey.OpEnrolFactor // an existing factor comes first
	if len(factors) == 0 {
		op = latchkey.OpValidateFactor
	}
	opening := a.openFactor(actor, op, draft, secret)
	opening.IdempotencyKey, opening.IdempotencyDigest = idem.Key, idem.Digest
	if op == latchkey.OpEnrolFactor {
		a.chooseFirst(&opening, factors)
	}
	if err := a.chargeOpening(ctx, actor, opening.Pending); err != nil {
		return Step{}, err
	}
	step, err := a.commit(ctx, opening, factors)
	if err != nil {
		return Step{}, err
	}
	return a.withEnrolment(ctx, step)
}

// openFactor opens a pending that carries the new factor's seed or number.
func (a *Authority) openFactor(actor latchkey.Actor, op latchkey.Operation, draft latchkey.Draft, secret latchkey.Secret) latchkey.Opening {
	if draft.FactorID == "" {
		draft.FactorID = latchkey.NewID("fac")
	}
	opening := a.open(actor, op, latchkey.Key{}, draft)
	opening.Pending.NewSecret = secret
	opening.Pending.Digest = opening.Pending.ContentDigest()
	opening.Activity.Subject = string(draft.FactorKind)
	if op == latchkey.OpValidateFactor {
		a.send(&opening, latchkey.Factor{Kind: draft.FactorKind})
	}
	return opening
}

// withEnrolment adds the seed where the authenticator app needs it now. Only
// the answer that opens the validation has it; a later look at the pending
// shows it no more.
func (a *Authority) withEnrolment(ctx context.Context, step Step) (Step, error) {
	p := step.Pending
	if p.Operation != latchkey.OpValidateFactor || p.Draft.FactorKind != latchkey.FactorTOTP || p.State != latchkey.PendingOpen {
		return step, nil
	}
	member, _, err := a.store.Member(ctx, p.MemberID)
	if err != nil {
		return Step{}, err
	}
	step.Enrolment = &Enrolment{Secret: p.NewSecret, URI: stepup.SeedURI(a.issuer, member.Email, p.NewSecret)}
	return step, nil
}

// RemoveFactor asks to remove a factor: password again, then a factor's proof.
// The last one stays: without any, a stolen password would be enough to enrol
// another.
func (a *Authority) RemoveFactor(ctx context.Context, actor latchkey.Actor, factorID, password string) (Step, error) {
	if err := a.checkPassword(ctx, actor, password); err != nil {
		return Step{}, err
	}
	factors, err := a.store.Factors(ctx, actor.MemberID)
	if err != nil {
		return Step{}, err
	}
	for _, f := range factors {
		if f.ID != factorID {
			continue
		}
		if len(factors) == 1 {
			return Step{}, latchkey.Errorf(latchkey.KindConflict, "last_factor", "this is the only factor; add another one before you remove it")
		}
		draft := latchkey.Draft{FactorID: f.ID, FactorKind: f.Kind, FactorLabel: f.Label, Summary: "remove factor " + f.Label}
		return a.begin(ctx, actor, latchkey.OpRemoveFactor, latchkey.Key{}, draft, Idempotency{})
	}
	return Step{}, latchkey.Errorf(latchkey.KindNotFound, "no_such_factor", "that factor is not enrolled")
}

// RenewRecovery asks for new recovery codes; the old ones die.
func (a *Authority) RenewRecovery(ctx context.Context, actor latchkey.Actor, password string, idem Idempotency) (Step, error) {
	if err := a.checkPassword(ctx, actor, password); err != nil {
		return Step{}, err
	}
	return a.begin(ctx, actor, latchkey.OpRecoveryRenewal, latchkey.Key{}, latchkey.Draft{Summary: "make new recovery codes"}, idem)
}

// deedOfGuard says what a confirmed operation writes on sessions and factors.
func (a *Authority) deedOfGuard(ctx context.Context, actor latchkey.Actor, p latchkey.Pending, deed *latchkey.Deed, out *Outcome) error {
	switch p.Operation {
	case latchkey.OpSignIn:
		return a.deedOfSignIn(ctx, actor, p, deed, out)
	case latchkey.OpEnrolFactor:
		return a.deedOfEnrolment(ctx, actor, p, deed, out)
	case latchkey.OpValidateFactor:
		return a.deedOfNewFactor(ctx, actor, p, deed, out)
	case latchkey.OpRemoveFactor:
		deed.RemoveFactor = p.Draft.FactorID
		deed.Activity = a.factorActivity(actor, latchkey.ActFactorRemoved, p)
		deed.Letters = noticeTo(actor.MemberID)
		return nil
	case latchkey.OpRecoveryRenewal:
		a.renew(actor, deed, out)
		deed.Activity = a.activity(actor, latchkey.ActRecoveryRenewed)
		deed.Letters = noticeTo(actor.MemberID)
		return nil
	}
	return errors.New("pending " + p.ID + ": an operation that no code carries out; refused")
}

// deedOfSignIn makes the session full, under a new token: the one that was
// handed out before the second factor is worth nothing from then on.
func (a *Authority) deedOfSignIn(ctx context.Context, actor latchkey.Actor, p latchkey.Pending, deed *latchkey.Deed, out *Outcome) error {
	sessions, err := a.store.Sessions(ctx, actor.MemberID)
	if err != nil {
		return err
	}
	if out.Browser, err = a.know(ctx, actor.MemberID, p.Draft.Browser); err != nil {
		return err
	}
	out.Token = newToken()
	deed.FullSession, deed.TokenHash = p.SessionID, hashToken(out.Token)
	deed.Activity = a.activity(actor, latchkey.ActSignedIn)
	deed.Activity.Note = "second factor: " + string(p.FactorKind)
	if deed.UsedRecovery != "" {
		deed.Activity.Type, deed.Activity.Note = latchkey.ActRecoveryUsed, "signed in with a recovery code"
		deed.Letters = noticeTo(actor.MemberID)
	}
	for _, s := range sessions {
		if s.ID == p.SessionID {
			deed.SessionEnds = s.CreatedAt.Add(a.limits.SessionLife)
			s.Full, s.EndsAt = true, deed.SessionEnds
			out.Session = &s
			return nil
		}
	}
	return latchkey.ErrNotFound
}

// deedOfEnrolment: an existing factor has allowed the new one, which has to
// prove now that it works.
func (a *Authority) deedOfEnrolment(ctx context.Context, actor latchkey.Actor, p latchkey.Pending, deed *latchkey.Deed, out *Outcome) error {
	next := a.openFactor(actor, latchkey.OpValidateFactor, p.Draft, p.NewSecret)
	if err := a.chargeOpening(ctx, actor, next.Pending); err != nil {
		return err
	}
	deed.Next, deed.NextLetters = &next.Pending, next.Letters
	deed.Activity = next.Activity
	step, err := a.prompted(ctx, a.step(next.Pending, nil))
	if err != nil {
		return err
	}
	step, err = a.withEnrolment(ctx, step)
	out.Next = &step
	return err
}

// deedOfNewFactor enrols. With the first factor come recovery codes.
func (a *Authority) deedOfNewFactor(ctx context.Context, actor latchkey.Actor, p latchkey.Pending, deed *latchkey.Deed, out *Outcome) error {
	left, err := a.store.UnusedRecovery(ctx, actor.MemberID)
	if err != nil {
		return err
	}
	factor := latchkey.Factor{ID: p.Draft.FactorID, MemberID: p.MemberID, Kind: p.Draft.FactorKind, Label: p.Draft.FactorLabel, CreatedAt: a.now()}
	deed.AddFactor = &factor
	if p.Draft.FactorKind != latchkey.FactorPasskey { // whose credential came with the proof
		deed.FactorSecret = p.NewSecret
	}
	if left == 0 {
		a.renew(actor, deed, out)
	}
	deed.Activity = a.factorActivity(actor, latchkey.ActFactorEnrolled, p)
	deed.Letters = noticeTo(actor.MemberID)
	out.Factor = &factor
	return nil
}

func (a *Authority) renew(actor latchkey.Actor, deed *latchkey.Deed, out *Outcome) {
	out.RecoveryCodes, deed.RecoveryHashes = stepup.NewRecoveryCodes(actor.MemberID)
	deed.RecoveryOf = actor.MemberID
}

func (a *Authority) factorActivity(actor latchkey.Actor, kind latchkey.ActivityType, p latchkey.Pending) latchkey.Activity {
	act := a.activity(actor, kind)
	act.Subject, act.Note = string(p.Draft.FactorKind), p.Draft.FactorLabel
	return act
}
