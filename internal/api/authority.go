package api

import (
	"context"

	"latchkey"
	"latchkey/internal/authority"
)

// Authority decides everything that the API is asked for. *authority.Authority
// is one. It is split by what belongs together, so that a test can stand in
// for one part.
type Authority interface {
	sessions
	accounts
	factors
	keyReader
	keyChanger
	pendings
}

// sessions are sign-ins.
type sessions interface {
	SignIn(ctx context.Context, v authority.Visitor, email, password string) (authority.SignedIn, error)
	Authenticate(ctx context.Context, token, ip string) (latchkey.Actor, latchkey.Session, latchkey.Member, error)
	SignOut(ctx context.Context, actor latchkey.Actor) error
	Sessions(ctx context.Context, actor latchkey.Actor) ([]latchkey.Session, error)
	EndSession(ctx context.Context, actor latchkey.Actor, sessionID string) error
	ChangePassword(ctx context.Context, actor latchkey.Actor, old, new string) error
}

// accounts are the client and its people.
type accounts interface {
	Account(ctx context.Context, actor latchkey.Actor) (latchkey.Account, error)
	Members(ctx context.Context, actor latchkey.Actor) ([]latchkey.Member, error)
	NoteRefused(ctx context.Context, actor latchkey.Actor, note string) error
}

// factors are the second factors and recovery codes of a member.
type factors interface {
	Factors(ctx context.Context, actor latchkey.Actor) ([]latchkey.Factor, int, error)
	EnrolTOTP(ctx context.Context, actor latchkey.Actor, password string, idem authority.Idempotency) (authority.Step, error)
	EnrolPhone(ctx context.Context, actor latchkey.Actor, password, phone string, idem authority.Idempotency) (authority.Step, error)
	RemoveFactor(ctx context.Context, actor latchkey.Actor, factorID, password string) (authority.Step, error)
	RenewRecovery(ctx context.Context, actor latchkey.Actor, password string, idem authority.Idempotency) (authority.Step, error)
}

// keyReader shows keys and what became of them.
type keyReader interface {
	Keys(ctx context.Context, actor latchkey.Actor) ([]latchkey.Key, error)
	Key(ctx context.Context, actor latchkey.Actor, id string) (latchkey.Key, error)
	Activities(ctx context.Context, actor latchkey.Actor, q latchkey.ActivityQuery) ([]latchkey.Activity, error)
	RefusedCalls(ctx context.Context, actor latchkey.Actor, keyID string, before int64, limit int) ([]latchkey.RefusedCall, error)
}

// keyChanger has one method for each operation of the life of a key.
type keyChanger interface {
	Create(ctx context.Context, actor latchkey.Actor, k authority.NewKey, idem authority.Idempotency) (authority.Step, error)
	Edit(ctx context.Context, actor latchkey.Actor, id string, version int64, e latchkey.Edit) (authority.Step, error)
	Activate(ctx context.Context, actor latchkey.Actor, id string, version int64) (authority.Step, error)
	Deactivate(ctx context.Context, actor latchkey.Actor, id string) (latchkey.Key, latchkey.Receipt, error)
	Delete(ctx context.Context, actor latchkey.Actor, id string, version int64) (authority.Step, error)
}

// pendings are operations that wait for their proof.
type pendings interface {
	Pending(ctx context.Context, actor latchkey.Actor, id string) (authority.Step, error)
	Choose(ctx context.Context, actor latchkey.Actor, id, factorID string) (authority.Step, error)
	Resend(ctx context.Context, actor latchkey.Actor, id string) (authority.Step, error)
	Confirm(ctx context.Context, actor latchkey.Actor, id string, answer authority.Answer) (authority.Outcome, error)
	Cancel(ctx context.Context, actor latchkey.Actor, id string) error
}
