package latchkey

import "time"

// Source says by which door something was done.
type Source string

// The doors.
const (
	SourceConsole  Source = "console"  // the web console or the management API
	SourceOperator Source = "operator" // a command on the server's own machine
	SourceSystem   Source = "system"   // the program itself: start, rotation
)

// Actor is who does something, from where. It is an argument of every method
// that acts, never hidden in a context.
type Actor struct {
	Source    Source
	AccountID string
	MemberID  string // "" for the operator
	SessionID string // "" for the operator
	Role      Role   // "" for the operator
	IP        string
	UserAgent string
}

// Owner reports whether the actor is the signed-in owner of the account.
func (a Actor) Owner() bool {
	return a.Source == SourceConsole && a.Role == RoleOwner && a.MemberID != "" && a.AccountID != ""
}

// ActivityType says what happened.
type ActivityType string

// The types, in the past tense: a row is written with the act or not at all.
const (
	ActAccountCreated   ActivityType = "account_created"
	ActMemberAdded      ActivityType = "member_added"
	ActMemberRemoved    ActivityType = "member_removed"
	ActSignedIn         ActivityType = "signed_in"
	ActPasswordAccepted ActivityType = "password_accepted" // the second step of the sign-in is open
	ActSignInFailed     ActivityType = "sign_in_failed"
	ActSignedOut        ActivityType = "signed_out"
	ActPasswordChanged  ActivityType = "password_changed"
	ActResetAsked       ActivityType = "reset_asked"    // a link for a forgotten password was asked for
	ActPasswordReset    ActivityType = "password_reset" // and used
	ActKeyCreated       ActivityType = "key_created"
	ActKeyEdited        ActivityType = "key_edited"
	ActKeyActivated     ActivityType = "key_activated"
	ActKeyDeactivated   ActivityType = "key_deactivated"
	ActKeyDeleted       ActivityType = "key_deleted"
	ActKeySessionEnded  ActivityType = "key_session_ended" // by the owner; a WebSocket session of a bot
	ActPendingOpened    ActivityType = "pending_opened"
	ActPendingCancelled ActivityType = "pending_cancelled"
	ActPendingDied      ActivityType = "pending_died" // too many wrong codes
	ActCodeSent         ActivityType = "code_sent"
	ActCodeWrong        ActivityType = "code_wrong"
	ActFactorEnrolled   ActivityType = "factor_enrolled"
	ActFactorRemoved    ActivityType = "factor_removed"
	ActRecoveryRenewed  ActivityType = "recovery_renewed"
	ActRecoveryUsed     ActivityType = "recovery_used"
	ActRefused          ActivityType = "refused" // somebody tried what they may not do
	ActKeysetRotated    ActivityType = "keyset_rotated"
	ActRestored         ActivityType = "database_restored"
	ActNodesLinked      ActivityType = "nodes_linked" // the operator made a link to the page of the gateway nodes
	ActNodesOpened      ActivityType = "nodes_opened" // a browser opened it
	ActNodesClosed      ActivityType = "nodes_closed"
)

// ActivityTypes lists every type, for filters and checks of input.
var ActivityTypes = []ActivityType{
	ActAccountCreated, ActMemberAdded, ActMemberRemoved, ActSignedIn, ActPasswordAccepted, ActSignInFailed, ActSignedOut,
	ActPasswordChanged, ActResetAsked, ActPasswordReset, ActKeyCreated, ActKeyEdited, ActKeyActivated, ActKeyDeactivated, ActKeyDeleted,
	ActKeySessionEnded, ActPendingOpened, ActPendingCancelled, ActPendingDied, ActCodeSent, ActCodeWrong, ActFactorEnrolled,
	ActFactorRemoved, ActRecoveryRenewed, ActRecoveryUsed, ActRefused, ActKeysetRotated, ActRestored, ActNodesLinked,
	ActNodesOpened, ActNodesClosed,
}

// Activity is the audit entry of a thing that happened or was refused. The
// store numbers it and chains it to the entry before.
type Activity struct {
	Seq       int64 // set by the store; one sequence without gaps
	At        time.Time
	AccountID string // "" for what concerns no account
	Type      ActivityType
	Source    Source
	MemberID  string // who; "" for the operator and the system
	IP        string
	KeyID     string // about which key, if any
	Subject   string // name of the key, e-mail of the member, kind of the factor
	Changes   []Change
	Note      string // one sentence more, never a secret
	Hash      string // set by the store: hex SHA-256 over the entry and the hash before it
}

// NewActivity starts an entry about something that the actor did.
func NewActivity(at time.Time, actor Actor, kind ActivityType) Activity {
	return Activity{At: at, AccountID: actor.AccountID, Type: kind, Source: actor.Source, MemberID: actor.MemberID, IP: actor.IP}
}

// ActivityQuery selects entries of one account, newest first.
type ActivityQuery struct {
	AccountID string
	From, To  time.Time      // zero: unbounded; From inclusive, To exclusive
	Types     []ActivityType // empty: all
	KeyID     string         // "": all
	Before    int64          // only entries with a smaller Seq; 0: from the newest
	Limit     int            // 1 to 1000
}

// RefusedCall is one call of a key that the gateway refused.
type RefusedCall struct {
	Seq       int64 // set by the store
	At        time.Time
	AccountID string
	KeyID     string
	Action    string
	IP        string
	Reason    string // the code of the verdict
	Detail    string // the text that the bot got
	RequestID string
}

// KeyUse is what the gateway noted about a key since its last note.
type KeyUse struct {
	KeyID    string
	LastUsed time.Time
	Allowed  int64
	Refused  int64
}
