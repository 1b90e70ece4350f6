package authority

import (
	"context"

	"latchkey"
	"latchkey/internal/stepup"
)

// begin opens a pending for an operation: frozen as it was shown, bound to the
// member, the session and the key's version. Nothing else changes yet.
func (a *Authority) begin(ctx context.Context, actor latchkey.Actor, op latchkey.Operation, key latchkey.Key, draft latchkey.Draft, idem Idempotency) (Step, error) {
	factors, err := a.store.Factors(ctx, actor.MemberID)
	if err != nil {
		return Step{}, err
	}
	if latchkey.ProofFor(op) == latchkey.ProofSecondFactor && len(factors) == 0 {
		return Step{}, latchkey.Errorf(latchkey.KindForbidden, "second_factor_required", "enable two-factor authentication first: add an authenticator app or a phone under Security")
	}
	opening := a.open(actor, op, key, draft)
	opening.IdempotencyKey, opening.IdempotencyDigest = idem.Key, idem.Digest
	a.chooseFirst(&opening, factors)
	if err := a.chargeOpening(ctx, actor, opening.Pending); err != nil {
		return Step{}, err
	}
	return a.commit(ctx, opening, factors)
}

// commit stores the pending and shows it. A request that is repeated from
// another session of the member is not shown what the first one opened.
func (a *Authority) commit(ctx context.Context, opening latchkey.Opening, factors []latchkey.Factor) (Step, error) {
	p, repeated, err := a.store.OpenPending(ctx, opening)
	if err != nil {
		return Step{}, err
	}
	if p.SessionID != opening.Pending.SessionID {
		return Step{}, errOtherSession()
	}
	step, err := a.prompted(ctx, a.step(p, factors))
	step.Repeated = repeated
	return step, err
}

// open makes a pending without a factor chosen and its activity.
func (a *Authority) open(actor latchkey.Actor, op latchkey.Operation, key latchkey.Key, draft latchkey.Draft) latchkey.Opening {
	now := a.now()
	p := latchkey.Pending{
		ID: latchkey.NewID("pen"), AccountID: actor.AccountID, MemberID: actor.MemberID, SessionID: actor.SessionID,
		Operation: op, KeyID: key.ID, KeyVersion: key.Version, Draft: draft, Proof: latchkey.ProofFor(op),
		State: latchkey.PendingOpen, CreatedAt: now, ExpiresAt: now.Add(a.limits.PendingLife),
	}
	p.Digest = p.ContentDigest()
	act := a.activity(actor, latchkey.ActPendingOpened)
	act.KeyID, act.Subject, act.Changes, act.Note = key.ID, draft.KeyName, draft.Changes, draft.Summary
	return latchkey.Opening{Pending: p, Activity: act}
}

// chooseFirst picks the factor that is asked first: the e-mail where the proof
// is its code, else the strongest (see rank). The member may choose another one
// afterwards.
func (a *Authority) chooseFirst(o *latchkey.Opening, factors []latchkey.Factor) {
	if o.Pending.Proof == latchkey.ProofEmailCode {
		a.send(o, latchkey.Factor{Kind: latchkey.FactorEmail})
		return
	}
	var first latchkey.Factor
	for _, f := range factors {
		if first.ID == "" || a.rank(f.Kind) > a.rank(first.Kind) {
			first = f
		}
	}
	a.send(o, first)
}

// send sets the factor of a pending that is being opened, and the first code.
func (a *Authority) send(o *latchkey.Opening, f latchkey.Factor) {
	o.Pending.FactorKind, o.Pending.FactorID = f.Kind, f.ID
	switch {
	case o.Pending.SendsCode():
		o.Pending = a.withCode(o.Pending)
		o.Letters = codeLetter(o.Pending)
	case f.Kind == latchkey.FactorPasskey:
		o.Pending.Code = stepup.NewNonce()
	}
}

// withCode puts a fresh code into the pending; the one before is dead.
func (a *Authority) withCode(p latchkey.Pending) latchkey.Pending {
	p.Code, p.CodeSentAt = stepup.NewCode(), a.now()
	p.Sends++
	return p
}

func codeLetter(p latchkey.Pending) []latchkey.Letter {
	return []latchkey.Letter{{Kind: latchkey.LetterCode, PendingID: p.ID, Send: p.Sends}}
}

// step shows a pending to its member.
func (a *Authority) step(p latchkey.Pending, factors []latchkey.Factor) Step {
	s := Step{
		Pending: p, TriesLeft: max(0, a.limits.MaxAttempts-p.Attempts), SendsLeft: max(0, a.limits.MaxSends-p.Sends),
		CodeExpiresAt: p.CodeExpiresAt(a.limits), ResendAt: p.ResendAt(a.limits),
	}
	if p.Proof == latchkey.ProofSecondFactor {
		s.Factors = factors
	}
	return s
}

// mine reads a pending of the actor's session. Another member's pending does
// not exist for the actor; one of another session of the same member is named.
func (a *Authority) mine(ctx context.Context, actor latchkey.Actor, id string) (latchkey.Pending, error) {
	if err := mustHaveSession(actor); err != nil {
		return latchkey.Pending{}, err
	}
	p, err := a.store.Pending(ctx, id)
	if err != nil {
		return latchkey.Pending{}, err
	}
	switch {
	case p.MemberID != actor.MemberID || p.AccountID != actor.AccountID:
		return latchkey.Pending{}, latchkey.ErrNotFound
	case p.SessionID != actor.SessionID:
		return latchkey.Pending{}, errOtherSession()
	case latchkey.KeyOperation(p.Operation) && !actor.Owner():
		return latchkey.Pending{}, latchkey.ErrForbidden // no owner any more
	case p.Operation != latchkey.OpSignIn && mustBeMember(actor) != nil:
		return latchkey.Pending{}, latchkey.ErrForbidden // the sign-in comes first
	}
	return p, nil
}

func errOtherSession() error {
	return latchkey.Errorf(latchkey.KindForbidden, "other_session", "this was begun in another session; confirm it there, or start anew here")
}

// Pending shows one of the actor's pendings.
func (a *Authority) Pending(ctx context.Context, actor latchkey.Actor, id string) (Step, error) {
	p, err := a.mine(ctx, actor, id)
	if err != nil {
		return Step{}, err
	}
	factors, err := a.store.Factors(ctx, actor.MemberID)
	if err != nil {
		return Step{}, err
	}
	return a.prompted(ctx, a.step(p, factors))
}

// Choose takes another factor for the proof. Choosing the phone sends a code,
// choosing a passkey renews its challenge.
func (a *Authority) Choose(ctx context.Context, actor latchkey.Actor, id, factorID string) (Step, error) {
	p, err := a.mine(ctx, actor, id)
	if err != nil {
		return Step{}, err
	}
	if err := p.CheckOpen(a.limits, a.now()); err != nil {
		return Step{}, err
	}
	if p.Proof != latchkey.ProofSecondFactor {
		return Step{}, latchkey.Errorf(latchkey.KindConflict, "no_choice", "this is confirmed by the code that was asked for, nothing else")
	}
	factors, err := a.store.Factors(ctx, actor.MemberID)
	if err != nil {
		return Step{}, err
	}
	for _, f := range factors {
		if f.ID != factorID {
			continue
		}
		if p.FactorID == f.ID && f.Kind != latchkey.FactorPasskey {
			return a.step(p, factors), nil
		}
		p.FactorKind, p.FactorID = f.Kind, f.ID
		return a.resend(ctx, actor, p, factors)
	}
	return Step{}, latchkey.Errorf(latchkey.KindNotFound, "no_such_factor", "that factor is not enrolled; choose one of the list")
}

// Resend sends another code, or renews the challenge of a passkey; what was
// before is dead from then on.
func (a *Authority) Resend(ctx context.Context, actor latchkey.Actor, id string) (Step, error) {
	p, err := a.mine(ctx, actor, id)
	if err != nil {
		return Step{}, err
	}
	factors, err := a.store.Factors(ctx, actor.MemberID)
	if err != nil {
		return Step{}, err
	}
	if !p.SendsCode() && p.FactorKind != latchkey.FactorPasskey {
		return Step{}, p.CheckResend(a.limits, a.now())
	}
	if err := p.CheckOpen(a.limits, a.now()); err != nil {
		return Step{}, err
	}
	return a.resend(ctx, actor, p, factors)
}

// resend writes a changed factor or a fresh code, by compare-and-set on the
// number of sends.
func (a *Authority) resend(ctx context.Context, actor latchkey.Actor, p latchkey.Pending, factors []latchkey.Factor) (Step, error) {
	from := p.Sends
	var letters []latchkey.Letter
	act := a.activity(actor, latchkey.ActCodeSent)
	act.KeyID, act.Subject, act.Note = p.KeyID, p.Draft.KeyName, "by "+string(p.FactorKind)+", to "+p.Draft.Summary
	switch {
	case p.SendsCode():
		if err := p.CheckResend(a.limits, a.now()); err != nil {
			return Step{}, err
		}
		if err := intact(p); err != nil {
			return Step{}, err
		}
		if err := a.chargeSend(ctx, actor, p); err != nil {
			return Step{}, err
		}
		p = a.withCode(p)
		letters = codeLetter(p)
	case p.FactorKind == latchkey.FactorPasskey:
		if err := a.renewChallenge(ctx, &p); err != nil {
			return Step{}, err
		}
		act.Note = "a passkey was asked for: " + p.Draft.Summary
	default:
		act.Note = "another factor was chosen: " + string(p.FactorKind)
	}
	if err := a.store.Resend(ctx, p, from, act, letters); err != nil {
		return Step{}, err
	}
	return a.prompted(ctx, a.step(p, factors))
}

// Cancel drops a pending; nothing was changed by it.
func (a *Authority) Cancel(ctx context.Context, actor latchkey.Actor, id string) error {
	p, err := a.mine(ctx, actor, id)
	if err != nil {
		return err
	}
	if err := p.CheckOpen(a.limits, a.now()); err != nil {
		return err
	}
	act := a.activity(actor, latchkey.ActPendingCancelled)
	act.KeyID, act.Subject, act.Note = p.KeyID, p.Draft.KeyName, p.Draft.Summary
	return a.store.ClosePending(ctx, p.ID, latchkey.PendingCancelled, act)
}
