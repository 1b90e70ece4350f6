package courier

import (
	"time"

	"latchkey"
)

// noticeLife is how long a notice is worth being tried; RFC 5321, 4.5.4.1 gives
// up after four to five days.
const noticeLife = 5 * 24 * time.Hour

// write makes the message of a letter, or says why there is none (any more).
// The channel is set as soon as it is known. It judges by the facts alone: the
// letter only says what to look at.
func (c *Courier) write(l latchkey.Letter, f latchkey.Facts) (m latchkey.Message, why string) {
	switch l.Kind {
	case latchkey.LetterCode:
		return c.writeCode(l, f)
	case latchkey.LetterNotice:
		return c.writeNotice(l, f)
	case latchkey.LetterReset:
		return c.writeReset(l, f)
	}
	return m, "unknown kind of letter"
}

// writeCode writes the message with a code. Nothing else may send one.
func (c *Courier) writeCode(l latchkey.Letter, f latchkey.Facts) (m latchkey.Message, why string) {
	m.Channel = f.Pending.FactorKind
	if why := c.staleCode(l, f, c.cfg.Now()); why != "" {
		return m, why
	}
	// From the stored time of this very send, so a late courier does not give a
	// code more life than the authority does.
	m.Expires = f.Pending.CodeExpiresAt(c.cfg.Limits)
	switch m.Channel {
	case latchkey.FactorSMS:
		m.To, m.Text = f.Phone, c.codeSMS(f, m.Expires)
	case latchkey.FactorEmail:
		m.To, m.Subject, m.Text = f.Member.Email, c.codeSubject(f), c.codeMail(f, m.Expires)
	}
	if m.To == "" {
		return m, "the member has no address on this channel"
	}
	return m, ""
}

// staleCode says why the code must not be sent. A code of an older send is dead
// since the resend; it would only confuse who gets it late.
func (c *Courier) staleCode(l latchkey.Letter, f latchkey.Facts, now time.Time) string {
	p := f.Pending
	// Ordered from "not ours" to "too late", so that the reason in the log is the
	// first thing that is wrong.
	switch {
	case p.ID == "" || p.ID != l.PendingID || p.MemberID != f.Member.ID:
		return "the facts are about something else"
	case p.CheckOpen(c.cfg.Limits, now) != nil:
		return "the pending is not open any more"
	case !p.SendsCode():
		return "the chosen factor needs no code"
	case l.Send != p.Sends:
		return "a newer code was made"
	case !now.Before(p.CodeExpiresAt(c.cfg.Limits)):
		return "the code is expired"
	case p.Code == "":
		return "there is no code"
	}
	return ""
}

// addressed reports whether the member is whom the letter names; a letter that
// names nobody is for the account's owner.
func addressed(l latchkey.Letter, m latchkey.Member) bool {
	if l.MemberID == "" {
		return m.Role == latchkey.RoleOwner
	}
	return m.ID == l.MemberID
}

// writeNotice writes the mail about something that happened.
func (c *Courier) writeNotice(l latchkey.Letter, f latchkey.Facts) (m latchkey.Message, why string) {
	m.Channel = latchkey.FactorEmail
	a := f.Activity
	switch {
	case a.Seq == 0 || a.Seq != l.Activity || !addressed(l, f.Member):
		return m, "the facts are about something else"
	case a.AccountID != f.Member.AccountID:
		return m, "the activity is another account's" // never tell one tenant about another
	case f.Member.Email == "":
		return m, "the member has no address on this channel"
	case c.cfg.Now().Sub(a.At) >= noticeLife:
		return m, "it could not be sent for days"
	}
	// A type without a text is no fault of the letter, but there is nothing to
	// say; a mail made of the bare type would help nobody.
	news, known := newsOf[a.Type]
	if !known {
		return m, "there is no text for this type of activity"
	}
	m.To = f.Member.Email
	m.Subject, m.Text = c.noticeMail(f, news)
	return m, ""
}
