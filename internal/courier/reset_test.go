package courier

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"latchkey"
)

// resetLink is a letter about a forgotten password, asked for at that moment.
func resetLink(now time.Time) (latchkey.Letter, latchkey.Facts) {
	_, f := smsCode(now)
	f.Pending, f.Phone = latchkey.Pending{}, ""
	f.Link = latchkey.Link{ID: "lnk_1", Kind: latchkey.LinkReset, MemberID: f.Member.ID, Token: "the-token-of-the-link", CreatedAt: now, ExpiresAt: now.Add(30 * time.Minute)}
	return latchkey.Letter{Kind: latchkey.LetterReset, LinkID: "lnk_1"}, f
}

func TestTheResetMailHasTheLinkAndSaysHowLong(t *testing.T) {
	l, f := resetLink(noon)
	m := written(t, l, f)
	if m.Channel != latchkey.FactorEmail || m.To != f.Member.Email || !m.Expires.Equal(noon.Add(30*time.Minute)) {
		t.Errorf("%s to %s until %s", m.Channel, m.To, m.Expires)
	}
	for _, want := range []string{"https://console.example.com/reset#the-token-of-the-link\n", "until 14:30 UTC (30 minutes)", f.Member.Email, f.Account.Name} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the mail lacks %q:\n%s", want, m.Text)
		}
	}
	if strings.Contains(m.Subject, "token") {
		t.Errorf("the subject, which a locked screen shows, is %q", m.Subject)
	}
}

func TestNoLinkThatIsGoodForNothingIsSent(t *testing.T) {
	type facts = latchkey.Facts
	for name, spoil := range map[string]func(*latchkey.Letter, *facts){
		"another link":     func(l *latchkey.Letter, _ *facts) { l.LinkID = "lnk_2" },
		"no link":          func(l *latchkey.Letter, f *facts) { l.LinkID, f.Link.ID = "", "" },
		"of the set-up":    func(_ *latchkey.Letter, f *facts) { f.Link.Kind = latchkey.LinkSetup },
		"another member's": func(_ *latchkey.Letter, f *facts) { f.Link.MemberID = "mem_2" },
		"expired":          func(_ *latchkey.Letter, f *facts) { f.Link.ExpiresAt = time.Now() },
		"no token":         func(_ *latchkey.Letter, f *facts) { f.Link.Token = "" },
		"no address":       func(_ *latchkey.Letter, f *facts) { f.Member.Email = "" },
	} {
		t.Run(name, func(t *testing.T) { neverSent(t, resetLink, spoil) })
	}
}

// quoting is a provider whose errors repeat what it was given.
type quoting struct{}

func (quoting) Send(_ context.Context, m latchkey.Message) error {
	return errors.New("refused " + m.Text + " for " + m.To)
}

// Whoever reads the log must not be able to set the password.
func TestALinkIsInNoLogLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		l, f := resetLink(time.Now())
		b.outbox.put(l, f)
		c := b.config()
		c.Mail = quoting{}
		b.courier = New(c)
		stop := b.start(t)
		time.Sleep(40 * time.Minute)
		stop()
		if log := b.log.String(); strings.Contains(log, "the-token-of-the-link") || !strings.Contains(log, "dropped") {
			t.Errorf("the log:\n%s", log)
		}
		if b.outbox.left() != 0 {
			t.Error("an expired link is kept in the outbox")
		}
	})
}
