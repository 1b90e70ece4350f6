package authority

import (
	"context"
	"time"

	"latchkey"
)

// Store keeps what the authority decides. Every method is one whole
// transaction, committed when it returns nil. Errors that a person may see are
// *latchkey.Error; all others mean that the outcome is unknown.
type Store interface {
	Accounts
	Links
	Sessions
	Fleets
	Factors
	Pendings
	Keys
	Activities
}

// Accounts keeps accounts and their members.
type Accounts interface {
	// CreateAccount fails with code "account_exists" when the name is taken.
	CreateAccount(ctx context.Context, a latchkey.Account, act latchkey.Activity) error
	// AccountByName finds by exact name; Account by id. ErrNotFound.
	AccountByName(ctx context.Context, name string) (latchkey.Account, error)
	Account(ctx context.Context, id string) (latchkey.Account, error)
	Accounts(ctx context.Context) ([]latchkey.Account, error)
	// AddMember fails with "member_exists" when the e-mail is taken anywhere
	// and with "owner_exists" for a second owner.
	AddMember(ctx context.Context, m latchkey.Member, passwordHash string, act latchkey.Activity, letters ...latchkey.Letter) error
	// RemoveMember takes the sessions, factors and open pendings with it. The
	// owner cannot be removed ("owner_stays").
	RemoveMember(ctx context.Context, accountID, memberID string, act latchkey.Activity, letters ...latchkey.Letter) error
	Members(ctx context.Context, accountID string) ([]latchkey.Member, error)
	Member(ctx context.Context, id string) (latchkey.Member, string, error)
	MemberByEmail(ctx context.Context, email string) (m latchkey.Member, passwordHash string, err error)
	// SetPassword writes the hash and ends all sessions but keepSession.
	SetPassword(ctx context.Context, memberID, passwordHash, keepSession string, act latchkey.Activity, letters ...latchkey.Letter) error
}

// Links keeps one-time links. Their tokens are looked for by their hashes.
type Links interface {
	// OpenReset writes a link in the place of the member's older one, its
	// activity, and the letter with it. A link of nobody takes the same work.
	OpenReset(ctx context.Context, l latchkey.Link, act latchkey.Activity) error
	// LinkByToken finds a link, expired or not, without its token. ErrNotFound.
	LinkByToken(ctx context.Context, kind latchkey.LinkKind, tokenHash string) (latchkey.Link, error)
	// ResetPassword uses the link up, writes the hash and ends all sessions of
	// the member, who is told by mail. ErrLink.
	ResetPassword(ctx context.Context, l latchkey.Link, passwordHash string, at time.Time, act latchkey.Activity) error
	// OpenSetup writes a link in the place of an older one, while there is no
	// account; "already_set_up" otherwise.
	OpenSetup(ctx context.Context, l latchkey.Link) error
	// SetUp uses that link up and writes the first account with its owner.
	// ErrLink, "already_set_up".
	SetUp(ctx context.Context, tokenHash string, a latchkey.Account, owner latchkey.Member, passwordHash string, acts []latchkey.Activity) error
}

// Sessions keeps sign-ins. Tokens are stored as hashes only.
type Sessions interface {
	// StartSession opens a session, with the pending of its second step when
	// there is one.
	StartSession(ctx context.Context, s latchkey.Session, tokenHash string, second *latchkey.Opening, act latchkey.Activity) error
	// SessionByToken finds a session that has not ended (sign-out or EndsAt or
	// idle are judged by the caller, only ended rows are gone). ErrNotFound.
	SessionByToken(ctx context.Context, tokenHash string) (latchkey.Session, latchkey.Member, error)
	TouchSession(ctx context.Context, sessionID string, at time.Time) error
	Sessions(ctx context.Context, memberID string) ([]latchkey.Session, error)
	// EndSession deletes one session of that member and cancels its open
	// pendings. ErrNotFound.
	EndSession(ctx context.Context, memberID, sessionID string, act latchkey.Activity) error
	// ChargeBucket counts one more in the bucket; false, with nothing counted,
	// when its limit is reached.
	ChargeBucket(ctx context.Context, b latchkey.Bucket) (bool, error)
	// ChargeBuckets counts one more in each bucket or, when one is full, in
	// none; then it returns the name of that one. Else "".
	ChargeBuckets(ctx context.Context, all []latchkey.Bucket) (full string, err error)
	Marks
}

// Marks are made with the keyset that seals, which only this installation has.
type Marks interface {
	// MAC is the same for the same purpose and parts, until the keyset changes.
	MAC(purpose string, parts ...string) string
	// CheckMAC also accepts what older keys of the keyset made.
	CheckMAC(mac, purpose string, parts ...string) bool
}

// Fleets knows the gateway nodes, and who may look at them in a browser.
type Fleets interface {
	// OpenOperatorLink writes a link; StartOperatorSession uses it up and makes
	// it a session under another token, with an activity about it. ErrLink.
	OpenOperatorLink(ctx context.Context, x latchkey.OperatorSession, linkHash string, act latchkey.Activity) error
	StartOperatorSession(ctx context.Context, linkHash, cookieHash, ip string, at, ends time.Time, act latchkey.Activity) (latchkey.OperatorSession, error)
	// OperatorSessionByToken finds a session or a link; the caller judges it.
	// ErrNotFound.
	OperatorSessionByToken(ctx context.Context, tokenHash string) (latchkey.OperatorSession, error)
	EndOperatorSession(ctx context.Context, id string, act latchkey.Activity) error
	Gateways
}

// Gateways are the nodes themselves.
type Gateways interface {
	// Shared reports whether several processes may use the database at once.
	Shared() bool
	Nodes(ctx context.Context) ([]latchkey.GatewayNode, error)
	Revs(ctx context.Context) (latchkey.Revs, error)
}

// Factors keeps second factors. Seeds and phone numbers are sealed at rest.
type Factors interface {
	Factors(ctx context.Context, memberID string) ([]latchkey.Factor, error)
	FactorSecret(ctx context.Context, memberID, factorID string) (f latchkey.Factor, secret latchkey.Secret, lastStep int64, err error)
	// UnusedRecovery counts the recovery codes that are left.
	UnusedRecovery(ctx context.Context, memberID string) (int, error)
	// RecoveryUnused reports whether that hash is one of them.
	RecoveryUnused(ctx context.Context, memberID, hash string) (bool, error)
}

// Pendings keeps operations that wait.
type Pendings interface {
	// OpenPending writes the pending, its activity and its letters. A repeated
	// IdempotencyKey of the same member returns the pending of the first
	// request and true; another digest under it fails with
	// "idempotency_key_reused".
	OpenPending(ctx context.Context, o latchkey.Opening) (p latchkey.Pending, repeated bool, err error)
	// Pending reads one, with its code and secret opened. ErrNotFound.
	Pending(ctx context.Context, id string) (latchkey.Pending, error)
	// ChargeAttempt counts one evaluation on the pending and in the bucket and
	// COMMITS, before anybody compares. It counts nothing and fails when the
	// pending is not that member's and session's (ErrNotFound), is not open
	// (Pending.CheckOpen), or the bucket is full ("too_many_wrong_codes").
	ChargeAttempt(ctx context.Context, c latchkey.Charge) (latchkey.Pending, error)
	// NoteWrong records a wrong code. With dead the pending is closed too.
	NoteWrong(ctx context.Context, pendingID string, dead bool, act latchkey.Activity, letters ...latchkey.Letter) error
	// Resend writes FactorKind, FactorID, Code, Sends and CodeSentAt of p,
	// provided that the pending is still open and has fromSends sends; else
	// it fails with "pending_changed".
	Resend(ctx context.Context, p latchkey.Pending, fromSends int, act latchkey.Activity, letters []latchkey.Letter) error
	// ClosePending moves an open pending to another state; one that is closed
	// already stays and is an error "pending_closed".
	ClosePending(ctx context.Context, id string, to latchkey.PendingState, act latchkey.Activity) error
}

// Keys keeps API keys. Their secrets are sealed at rest.
type Keys interface {
	// Key reads a key of that account that is not deleted. ErrKeyGone.
	Key(ctx context.Context, accountID, keyID string) (latchkey.Key, error)
	// KeyByID is for the operator: any account. ErrKeyGone.
	KeyByID(ctx context.Context, keyID string) (latchkey.Key, error)
	Keys(ctx context.Context, accountID string) ([]latchkey.Key, error)
	// Apply writes a deed. Errors: ErrVersion, "name_taken", "too_many_keys",
	// "pending_closed", "code_used" (a TOTP step or recovery code again).
	// It returns the activity as it was numbered.
	Apply(ctx context.Context, d latchkey.Deed) (latchkey.Activity, error)
}

// Activities keeps the audit entries.
type Activities interface {
	Record(ctx context.Context, act latchkey.Activity, letters ...latchkey.Letter) error
	Activities(ctx context.Context, q latchkey.ActivityQuery) ([]latchkey.Activity, error)
	// RefusedCalls lists, newest first, calls with a smaller number than before
	// (0: from the newest).
	RefusedCalls(ctx context.Context, accountID, keyID string, before int64, limit int) ([]latchkey.RefusedCall, error)
	// RefusedHours counts the refused calls of each key of the account by the
	// start of their hour, from since on.
	RefusedHours(ctx context.Context, accountID string, since time.Time) (map[string]map[time.Time]int64, error)
}
