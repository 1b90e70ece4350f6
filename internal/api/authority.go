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
	links
	accounts
	nodes
	factors
	passkeys
	keyReader
	keyChanger
	keySessions
	pendings
}

// sessions are sign-ins.
type sessions interface {
	// SignIn returns a half session with its pending, or a full one without.
	SignIn(ctx context.Context, v authority.Visitor, email, password string) (authority.SignedIn, error)
	// Authenticate also finds a half session; the guard looks at Session.Full.
	Authenticate(ctx context.Context, token, ip string) (latchkey.Actor, latchkey.Session, latchkey.Member, error)
	// SignOut and EndSession cancel the pendings of the session too.
	SignOut(ctx context.Context, actor latchkey.Actor) error
	Sessions(ctx context.Context, actor latchkey.Actor) ([]latchkey.Session, error)
	EndSession(ctx context.Context, actor latchkey.Actor, sessionID string) error
	ChangePassword(ctx context.Context, actor latchkey.Actor, old, new string) error
}

// links are one-time links: a forgotten password, the first start.
type links interface {
	// ForgotPassword answers alike for every address.
	ForgotPassword(ctx context.Context, v authority.Visitor, email string) error
	ResetPassword(ctx context.Context, v authority.Visitor, token, password string) error
	SetUp(ctx context.Context, v authority.Visitor, f authority.FirstStart) (latchkey.Account, latchkey.Member, error)
}

// passkeys are factors that a browser speaks for; whether they are possible
// depends on how the console is reached.
type passkeys interface {
	EnrolPasskey(ctx context.Context, actor latchkey.Actor, password, label string, idem authority.Idempotency) (authority.Step, error)
	// Offered lists the kinds of factors that can be enrolled here.
	Offered() []latchkey.FactorKind
}

// accounts are the client and its people.
type accounts interface {
	Account(ctx context.Context, actor latchkey.Actor) (latchkey.Account, error)
	Members(ctx context.Context, actor latchkey.Actor) ([]latchkey.Member, error)
	// NoteRefused records that a member tried what only the owner may.
	NoteRefused(ctx context.Context, actor latchkey.Actor, note string) error
}

// nodes are what the operator's page shows, and who may look at it.
type nodes interface {
	// OpenNodes uses a link up; its answer is the token of the cookie.
	OpenNodes(ctx context.Context, v authority.Visitor, token string) (latchkey.Secret, latchkey.OperatorSession, error)
	// NodesSession finds only what OpenNodes opened.
	NodesSession(ctx context.Context, token string) (latchkey.OperatorSession, error)
	Nodes(ctx context.Context, s latchkey.OperatorSession) (authority.Fleet, error)
	CloseNodes(ctx context.Context, v authority.Visitor, s latchkey.OperatorSession) error
	// Following tells an owner who waits for a change what it waits for.
	Following(ctx context.Context, actor latchkey.Actor) (authority.Following, error)
}

// factors are the second factors and recovery codes of a member.
type factors interface {
	// Factors also returns how many recovery codes are left.
	Factors(ctx context.Context, actor latchkey.Actor) ([]latchkey.Factor, int, error)
	// EnrolTOTP and EnrolPhone begin with an existing factor where there is one.
	EnrolTOTP(ctx context.Context, actor latchkey.Actor, password string, idem authority.Idempotency) (authority.Step, error)
	EnrolPhone(ctx context.Context, actor latchkey.Actor, password, phone string, idem authority.Idempotency) (authority.Step, error)
	RemoveFactor(ctx context.Context, actor latchkey.Actor, factorID, password string) (authority.Step, error)
	RenewRecovery(ctx context.Context, actor latchkey.Actor, password string, idem authority.Idempotency) (authority.Step, error)
}

// keyReader shows keys and what became of them.
type keyReader interface {
	Keys(ctx context.Context, actor latchkey.Actor) ([]latchkey.Key, error)
	Key(ctx context.Context, actor latchkey.Actor, id string) (latchkey.Key, error)
	// RefusedByHour is about the last 24 hours, by the id of the key.
	RefusedByHour(ctx context.Context, actor latchkey.Actor) (map[string][authority.Day]int64, error)
	// Activities lists the actor's own account, whatever the query names.
	Activities(ctx context.Context, actor latchkey.Actor, q latchkey.ActivityQuery) ([]latchkey.Activity, error)
	// RefusedCalls lists numbers smaller than before; 0 begins at the newest.
	RefusedCalls(ctx context.Context, actor latchkey.Actor, keyID string, before int64, limit int) ([]latchkey.RefusedCall, error)
}

// keyChanger has one method for each operation of the life of a key.
type keyChanger interface {
	// Create returns a pending; the key comes with its confirmation.
	Create(ctx context.Context, actor latchkey.Actor, k authority.NewKey, idem authority.Idempotency) (authority.Step, error)
	// Edit, Activate and Delete fail when the version is not the stored one.
	Edit(ctx context.Context, actor latchkey.Actor, id string, version int64, e latchkey.Edit) (authority.Step, error)
	Activate(ctx context.Context, actor latchkey.Actor, id string, version int64) (authority.Step, error)
	// Deactivate is the one operation that happens at once.
	Deactivate(ctx context.Context, actor latchkey.Actor, id string) (latchkey.Key, latchkey.Receipt, error)
	Delete(ctx context.Context, actor latchkey.Actor, id string, version int64) (authority.Step, error)
}

// keySessions are the WebSocket sessions that bots have open with a key.
type keySessions interface {
	KeySessions(ctx context.Context, actor latchkey.Actor, keyID string) ([]latchkey.KeySession, error)
	// KeySessionCounts is about all keys at once; a key without one is missing.
	KeySessionCounts(ctx context.Context, actor latchkey.Actor) (map[string]int, error)
	// EndKeySession happens at once, and is recorded.
	EndKeySession(ctx context.Context, actor latchkey.Actor, keyID, sessionID string) error
}

// pendings are operations that wait for their proof.
type pendings interface {
	Pending(ctx context.Context, actor latchkey.Actor, id string) (authority.Step, error)
	Choose(ctx context.Context, actor latchkey.Actor, id, factorID string) (authority.Step, error)
	// Resend kills the code that was sent before.
	Resend(ctx context.Context, actor latchkey.Actor, id string) (authority.Step, error)
	// Confirm carries out what was frozen, when the proof is right.
	Confirm(ctx context.Context, actor latchkey.Actor, id string, answer authority.Answer) (authority.Outcome, error)
	Cancel(ctx context.Context, actor latchkey.Actor, id string) error
}
