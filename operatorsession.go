package latchkey

import "time"

// How long the operator's link waits to be opened, and how long the page may
// be looked at then, whatever happens.
const (
	OperatorLinkLife    = 5 * time.Minute
	OperatorSessionLife = time.Hour
)

// OperatorSession lets whoever runs the servers look at the gateway nodes in a
// browser, and at nothing else. It begins as a link that a command on the
// server's own machine prints. Opening the link, once, turns it into the session
// of that browser, under another token.
type OperatorSession struct {
	ID        string
	Open      bool   // false: a link that waits
	IP        string // of the browser; "" while it waits
	CreatedAt time.Time
	EndsAt    time.Time // of the link, and from its opening of the session
}

// Live reports whether the session may look at that moment. A link may not.
func (s OperatorSession) Live(now time.Time) bool {
	return s.ID != "" && s.Open && now.Before(s.EndsAt)
}

// ErrOperatorLink is the answer to every try without such a session: there is
// none, it was closed, or it has ended.
var ErrOperatorLink = Errorf(KindUnauthorized, "operator_link_needed", "this page is opened by a link: `latchkey nodes --link` prints one on the server's own machine")
