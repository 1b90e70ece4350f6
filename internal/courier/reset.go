package courier

import (
	"time"

	"latchkey"
)

// resetText is what the template "reset" shows. Email is the address that the
// letter goes to: a person with several accounts sees which one is meant.
type resetText struct {
	Link, Until, Account, Email, Name string
	Minutes                           int
}

// writeReset writes the mail with the link of a forgotten password. The token
// stands behind "#": browsers send that part to nobody, so it comes into no log
// of a proxy and no Referer.
func (c *Courier) writeReset(l latchkey.Letter, f latchkey.Facts) (m latchkey.Message, why string) {
	m.Channel = latchkey.FactorEmail
	now := c.cfg.Now()
	switch {
	case f.Link.ID == "" || f.Link.ID != l.LinkID || f.Link.Kind != latchkey.LinkReset || f.Link.MemberID != f.Member.ID:
		return m, "the facts are about something else"
	case !f.Link.Live(now):
		return m, "the link is expired"
	case f.Link.Token == "" || c.cfg.ConsoleURL == "":
		return m, "there is no link"
	case f.Member.Email == "":
		return m, "the member has no address on this channel"
	}
	m.To, m.Expires = f.Member.Email, f.Link.ExpiresAt
	m.Subject = c.cfg.Name + ": set a new password"
	m.Text = render("reset", resetText{
		Link:    c.cfg.ConsoleURL + "/reset#" + f.Link.Token.Reveal(),
		Until:   f.Link.ExpiresAt.UTC().Format("15:04"),
		Minutes: int(f.Link.ExpiresAt.Sub(f.Link.CreatedAt) / time.Minute),
		Account: plain(f.Account.Name, longestName), Email: plain(f.Member.Email, longestLine), Name: c.cfg.Name,
	})
	return m, ""
}
