package authority

import (
	"context"
	"errors"
	"time"

	"latchkey"
	"latchkey/internal/stepup"
)

// Passkeys speaks WebAuthn for one console. ok is false when an answer proves
// nothing; an error means that what is stored cannot be read.
type Passkeys interface {
	// CreationOptions and RequestOptions are what the browser's create() and
	// get() take, as JSON. known are the member's passkeys.
	CreationOptions(m latchkey.Member, challenge []byte, known []latchkey.Secret) ([]byte, error)
	RequestOptions(challenge []byte, credential latchkey.Secret) ([]byte, error)
	// Enrol checks what create() returned, and gives the credential that is to
	// be kept sealed, with its counter.
	Enrol(m latchkey.Member, challenge []byte, known []latchkey.Secret, answer []byte) (credential latchkey.Secret, counter int64, ok bool, err error)
	// Verify checks what get() returned, and gives the counter; 0: it has none.
	Verify(memberID string, challenge []byte, credential latchkey.Secret, answer []byte) (counter int64, ok bool, err error)
}

// Prompt is what the browser needs to ask for a passkey. Exactly one field is
// set, with JSON.
type Prompt struct {
	Create []byte // options of navigator.credentials.create(): a passkey enrols
	Get    []byte // options of navigator.credentials.get(): a passkey proves
}

func errNoPasskeys() error {
	return latchkey.Errorf(latchkey.KindForbidden, "passkeys_unavailable", "passkeys are not possible here: the console has to be reached over https under a name, or as localhost; use another factor")
}

// EnrolPasskey asks for a passkey as a factor, on the same terms as EnrolTOTP.
// The label is what the member calls it; "" is "Passkey".
func (a *Authority) EnrolPasskey(ctx context.Context, actor latchkey.Actor, password, label string, idem Idempotency) (Step, error) {
	if a.passkeys == nil {
		return Step{}, errNoPasskeys()
	}
	if label == "" {
		label = "Passkey"
	}
	label, err := latchkey.NormalName("label", label)
	if err != nil {
		return Step{}, err
	}
	draft := latchkey.Draft{FactorKind: latchkey.FactorPasskey, FactorLabel: label, Summary: "add passkey " + label}
	return a.enrol(ctx, actor, password, draft, "", idem)
}

// Offered lists the kinds of factors that can be enrolled here.
func (a *Authority) Offered() []latchkey.FactorKind {
	var out []latchkey.FactorKind
	if a.passkeys != nil {
		out = append(out, latchkey.FactorPasskey)
	}
	out = append(out, latchkey.FactorTOTP)
	if !a.forbidSMS {
		out = append(out, latchkey.FactorSMS)
	}
	return out
}

// rank orders the kinds by what they withstand: a passkey cannot be phished, an
// app needs no network, a text message can be read on its way. A passkey that
// cannot be used here comes last.
func (a *Authority) rank(kind latchkey.FactorKind) int {
	switch {
	case kind == latchkey.FactorPasskey && a.passkeys != nil:
		return 3
	case kind == latchkey.FactorTOTP:
		return 2
	case kind == latchkey.FactorSMS:
		return 1
	}
	return 0
}

// prompted adds what the browser needs to a step that a passkey is to prove.
func (a *Authority) prompted(ctx context.Context, s Step) (Step, error) {
	p := s.Pending
	if a.passkeys == nil || p.FactorKind != latchkey.FactorPasskey || p.State != latchkey.PendingOpen {
		return s, nil
	}
	challenge, ok := stepup.Challenge(p.Digest, p.Code)
	if !ok {
		return s, errors.New("pending " + p.ID + ": it has no challenge; refused")
	}
	var err error
	if p.Proof == latchkey.ProofNewFactor {
		s.Passkey, err = a.promptNew(ctx, p, challenge)
	} else {
		s.Passkey, err = a.promptEnrolled(ctx, p, challenge)
	}
	return s, err
}

func (a *Authority) promptNew(ctx context.Context, p latchkey.Pending, challenge []byte) (*Prompt, error) {
	member, known, err := a.passkeysOf(ctx, p.MemberID)
	if err != nil {
		return nil, err
	}
	options, err := a.passkeys.CreationOptions(member, challenge, known)
	return &Prompt{Create: options}, err
}

// promptEnrolled has nothing to ask for when the passkey was removed in the
// meantime: the member may still look at the pending and choose another factor.
func (a *Authority) promptEnrolled(ctx context.Context, p latchkey.Pending, challenge []byte) (*Prompt, error) {
	_, credential, _, err := a.store.FactorSecret(ctx, p.MemberID, p.FactorID)
	if errors.Is(err, latchkey.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	options, err := a.passkeys.RequestOptions(challenge, credential)
	return &Prompt{Get: options}, err
}

// passkeysOf reads the member and the credentials that are enrolled already.
func (a *Authority) passkeysOf(ctx context.Context, memberID string) (latchkey.Member, []latchkey.Secret, error) {
	member, _, err := a.store.Member(ctx, memberID)
	if err != nil {
		return member, nil, err
	}
	factors, err := a.store.Factors(ctx, memberID)
	var known []latchkey.Secret
	for _, f := range factors {
		if f.Kind != latchkey.FactorPasskey {
			continue
		}
		_, credential, _, err := a.store.FactorSecret(ctx, memberID, f.ID)
		if err != nil {
			return member, nil, err
		}
		known = append(known, credential)
	}
	return member, known, err
}

// renewChallenge makes what was signed for the pending so far worth nothing.
// Each renewal is an entry, so they are bounded.
func (a *Authority) renewChallenge(ctx context.Context, p *latchkey.Pending) error {
	if a.passkeys == nil {
		return errNoPasskeys()
	}
	if err := intact(*p); err != nil {
		return err
	}
	full, err := a.charge(ctx, a.shared(*p, time.Hour, "challenge", p.MemberID, a.limits.CodesHourly, ""))
	if err != nil {
		return err
	}
	if full != nil {
		e := latchkey.Errorf(latchkey.KindLimit, "too_many_codes", "passkeys were asked for too often in this hour; wait, or use another factor")
		e.RetryAfter = a.untilEnd(*full)
		return e
	}
	p.Code = stepup.NewNonce()
	return nil
}

// readablePasskey refuses, without an evaluation, an answer that is not of the
// chosen factor's kind.
func (a *Authority) readablePasskey(p latchkey.Pending, ans Answer) error {
	switch {
	case p.FactorKind != latchkey.FactorPasskey:
		return latchkey.Invalid("passkey", "invalid_code", "this is confirmed by a code; choose the passkey first")
	case ans.Code != "" || len(ans.Passkey) == 0:
		return latchkey.Invalid("passkey", "invalid_code", "this is confirmed by the passkey; choose another factor to type a code")
	case a.passkeys == nil:
		return errNoPasskeys()
	}
	return nil
}

// evaluatePasskey checks a signature over the pending's challenge, and that the
// counter has moved on: one that has not is a copy's, or was seen before
// (WebAuthn, 7.2, step 22). Apply compares and sets it once more, so that of
// two at once only one counts.
func (a *Authority) evaluatePasskey(p latchkey.Pending, credential latchkey.Secret, last int64, ans Answer) (proof, error) {
	challenge, ok := stepup.Challenge(p.Digest, p.Code)
	if !ok || a.passkeys == nil || len(ans.Passkey) == 0 {
		return proof{}, nil
	}
	counter, ok, err := a.passkeys.Verify(p.MemberID, challenge, credential, ans.Passkey)
	switch {
	case err != nil || !ok:
		return proof{}, err
	case counter <= last && (counter != 0 || last != 0):
		return proof{note: "; the passkey's counter went back: there may be a copy of it"}, nil
	}
	return proof{right: true, factorID: p.FactorID, step: counter}, nil
}

// evaluateNewPasskey checks the passkey that is being enrolled.
func (a *Authority) evaluateNewPasskey(ctx context.Context, p latchkey.Pending, ans Answer) (proof, error) {
	challenge, ok := stepup.Challenge(p.Digest, p.Code)
	if !ok || a.passkeys == nil || len(ans.Passkey) == 0 {
		return proof{}, nil
	}
	member, known, err := a.passkeysOf(ctx, p.MemberID)
	if err != nil {
		return proof{}, err
	}
	credential, counter, ok, err := a.passkeys.Enrol(member, challenge, known, ans.Passkey)
	return proof{right: ok && err == nil, step: counter, secret: credential}, err
}
