package latchkey

import "time"

// LinkKind says what a one-time link is good for.
type LinkKind string

// The kinds of links. The zero value is good for nothing.
const (
	LinkReset LinkKind = "reset" // a member's new password, when the old one was forgotten
	LinkSetup LinkKind = "setup" // the first account and its owner
)

// Link is a one-time link: whoever has its token may do one thing, once, until
// ExpiresAt. The newest of a member, or of the set-up, kills the ones before.
type Link struct {
	ID        string
	Kind      LinkKind
	MemberID  string // reset: whose password; "" is nobody's
	Token     Secret // of a reset, sealed at rest until it is used; "" for a set-up
	TokenHash string // hex SHA-256 of the token: what is looked for
	CreatedAt time.Time
	ExpiresAt time.Time
}

// ErrLink is the answer to every token that is good for nothing, whatever the
// reason: which it is would tell a guesser.
var ErrLink = Invalid("token", "invalid_link", "this link is not good any more: it was used, it has expired, or a newer one was made; ask for another one")

// Live reports whether the link is still good at that moment.
func (l Link) Live(now time.Time) bool { return l.ID != "" && now.Before(l.ExpiresAt) }
