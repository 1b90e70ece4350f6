package courier

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"latchkey"
)

var noon = time.Date(2026, 3, 1, 14, 0, 5, 0, time.UTC)

func textCourier() *Courier {
	return New(Config{
		Limits: latchkey.DefaultLimits(), Now: func() time.Time { return noon },
		Name: "Latchkey", ConsoleURL: "https://console.example.com",
	})
}

// written makes the message or fails the test.
func written(t *testing.T, l latchkey.Letter, f latchkey.Facts) latchkey.Message {
	t.Helper()
	m, why := textCourier().write(l, f)
	if why != "" {
		t.Fatalf("nothing was written: %s", why)
	}
	return m
}

func TestSMSSaysWhatTheCodeIsFor(t *testing.T) {
	cases := []struct {
		op            latchkey.Operation
		name, summary string
		want          string
	}{
		{latchkey.OpEdit, "bot-1", "+ Trade, 2 IPs", "edit key bot-1: + Trade, 2 IPs"},
		{latchkey.OpEdit, "bot-1", "edit key bot-1: + Trade, 2 IPs", "edit key bot-1: + Trade, 2 IPs"},
		{latchkey.OpEdit, "bot-1", `edit key "bot-1": + Trade, 2 IPs`, "edit key bot-1: + Trade, 2 IPs"},
		{latchkey.OpCreate, "bot-1", "Read, Trade; any IP", "create key bot-1: Read, Trade; any IP"},
		{latchkey.OpDelete, "bot-1", "", "delete key bot-1"},
		{latchkey.OpDelete, "", "", "delete key lk_1"},
		{latchkey.OpSignIn, "", "", "sign in"},
		{latchkey.OpSignIn, "", "sign in from 203.0.113.7", "sign in from 203.0.113.7"},
		{latchkey.OpValidateFactor, "", "", "add this second factor"},
		{latchkey.OpRecoveryRenewal, "", "", "make new recovery codes"},
	}
	for _, tc := range cases {
		l, f := smsCode(noon)
		f.Pending.Operation, f.Pending.Draft.KeyName, f.Pending.Draft.Summary = tc.op, tc.name, tc.summary
		want := "Latchkey: 123456 confirms: " + tc.want + ". Valid until 14:05 UTC. Nobody from us asks for this code."
		if got := written(t, l, f).Text; got != want {
			t.Errorf("%s %q %q:\n got %s\nwant %s", tc.op, tc.name, tc.summary, got, want)
		}
	}
}

// The longest thing that an edit can do stays whole; names give way.
func TestSMSFitsAndNeverCutsWhatIsAllowed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var before, after latchkey.Key
		before.Permissions = latchkey.NewPermissions(latchkey.Permissions(rapid.IntRange(0, 31).Draw(t, "before")))
		after.Permissions = latchkey.NewPermissions(latchkey.Permissions(rapid.IntRange(0, 31).Draw(t, "after")))
		var entries []string
		for i := range rapid.IntRange(0, 200).Draw(t, "entries") {
			entries = append(entries, fmt.Sprintf("198.51.%d.%d", i/250, i%250+1))
		}
		after.Allowlist, _ = latchkey.NewAllowlist(entries)
		l, f := smsCode(noon)
		f.Pending.Draft.KeyName = rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}[a-z0-9]`).Draw(t, "name")
		f.Pending.Draft.Summary = before.SummaryOf(after)
		m, why := textCourier().write(l, f)
		switch {
		case why != "":
			t.Fatal(why)
		case !fitsSMS(m.Text):
			t.Fatalf("%d characters: %s", len(m.Text), m.Text)
		case !strings.Contains(m.Text, f.Pending.Draft.Summary+". Valid"):
			t.Fatalf("%q was cut: %s", f.Pending.Draft.Summary, m.Text)
		}
	})
}

func TestLongestEditFitsOneSMSWhateverTheName(t *testing.T) {
	var after latchkey.Key
	before := latchkey.Key{Permissions: latchkey.NewPermissions()}
	after.Permissions = latchkey.NewPermissions(latchkey.Trade, latchkey.FundsInternal, latchkey.FundsWallet, latchkey.FundsExternal)
	l, f := smsCode(noon)
	for _, name := range []string{strings.Repeat("n", 64), strings.Repeat("[", 64), "b"} {
		f.Pending.Draft.KeyName, f.Pending.Draft.Summary = name, before.SummaryOf(after)+", 1000 IPs"
		text := written(t, l, f).Text
		if !fitsSMS(text) || !strings.Contains(text, "+ Funds External, 1000 IPs. Valid until") || !strings.Contains(text, "key "+name[:1]) {
			t.Errorf("%d characters: %s", len(text), text)
		}
	}
}

func TestPlainMakesOneVisibleLine(t *testing.T) {
	for in, want := range map[string]string{
		"bot-1": "bot-1", " a\r\nb\t": "a  b", "a\u2028b": "a b", "a\u202eb\x00": "a?b?", "\xff": "?",
		"01234567890": "01234567..", "0123456789": "0123456789", "12345 7 9": "12345 7 9", "я🔑é": "я🔑é",
	} {
		if got := plain(in, 10); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFitsSMSCountsAsThePhoneNetworkDoes(t *testing.T) {
	cases := []struct {
		text string
		want bool
	}{
		{strings.Repeat("a", 160), true}, {strings.Repeat("a", 161), false},
		{strings.Repeat("€", 80), true}, {strings.Repeat("€", 80) + "a", false}, // two septets each
		{strings.Repeat("é", 160), true},
		{strings.Repeat("я", 134), true}, {strings.Repeat("я", 135), false},
		{strings.Repeat("🔑", 67), true}, {strings.Repeat("🔑", 67) + "a", false}, // two units each
	}
	for _, tc := range cases {
		if got := fitsSMS(tc.text); got != tc.want {
			t.Errorf("%d of %.3q: %v, want %v", utf8.RuneCountInString(tc.text), tc.text, got, tc.want)
		}
	}
}

func TestActivationMailShowsTheWholeKey(t *testing.T) {
	l, f := mailCode(noon)
	f.Activity.IP = "203.0.113.7"
	f.Pending.Draft.Allowlist, _ = latchkey.NewAllowlist([]string{"198.51.100.0/24", "192.0.2.7"})
	f.Pending.Draft.Summary = "Read, Trade; 2 IPs"
	m := written(t, l, f)
	want := `123456 confirms: activate key "bot-1": Read, Trade; 2 IPs

The code is valid until 14:05 UTC (5 minutes) and for exactly this:

  Account:      Acme
  Key:          "bot-1" (lk_1)
  Permissions:  Read, Trade
  IP whitelist: 
    192.0.2.7
    198.51.100.0/24
  Asked from:   203.0.113.7

Type the code only where you asked for it: https://console.example.com
Nobody from us asks for this code, not by phone and not by mail.

If this was not you: give the code to nobody, and nothing happens. Somebody
may know your password, so change it, and end the sessions that you do not know.

Latchkey
`
	if diff := cmp.Diff(want, m.Text); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if m.Subject != "Latchkey: your code to activate key bot-1" || strings.Contains(m.Subject, testCode) {
		t.Errorf("subject %q", m.Subject)
	}
	if want := noon.Add(5 * time.Minute); !m.Expires.Equal(want) {
		t.Errorf("expires %s, want %s", m.Expires, want)
	}
}

func TestLongAllowlistIsCounted(t *testing.T) {
	for n, want := range map[int]string{0: "any address", 20: "192.0.2.20\n", 21: "and 1 more", 250: "and 230 more"} {
		var entries []string
		for i := range n {
			entries = append(entries, fmt.Sprintf("192.0.2.%d", i+1))
		}
		l, f := mailCode(noon)
		f.Pending.Draft.Allowlist, _ = latchkey.NewAllowlist(entries)
		text := written(t, l, f).Text
		if !strings.Contains(text, want) || strings.Count(text, "    192.0.2.") > 20 {
			t.Errorf("%d entries: want %q in\n%s", n, want, text)
		}
		if n == 20 && strings.Contains(text, "more") {
			t.Errorf("20 entries are shown whole:\n%s", text)
		}
	}
}

func TestNoticeTellsWhoDidWhat(t *testing.T) {
	l, f := notice(noon, 7, latchkey.ActKeyEdited)
	f.Activity.Source, f.Activity.MemberID, f.Activity.IP = latchkey.SourceOperator, "", ""
	f.Activity.Changes = []latchkey.Change{{Field: "permissions", Old: "Read", New: "Read, Trade"}, {Field: "allowlist", Old: "any address", New: "192.0.2.7"}}
	f.Activity.Note = "asked for by ticket"
	m := written(t, l, f)
	want := `Latchkey: key "bot-1" was edited and is inactive now

  Account:  Acme
  Time:     2026-03-01 14:00:05 UTC
  Key:      "bot-1" (lk_1)
  By:       the operator on the server

What changed (old > new):
  Permissions: Read > Read, Trade
  IP whitelist: any address > 192.0.2.7

Note: asked for by ticket

` + stopKey + `
https://console.example.com

Latchkey
`
	if diff := cmp.Diff(want, m.Text); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
	if m.Subject != "Latchkey: key bot-1 was edited and is inactive now" || !m.Expires.IsZero() {
		t.Errorf("subject %q, expires %s", m.Subject, m.Expires)
	}
}

func TestEveryNoticeHasItsTextAndItsDoer(t *testing.T) {
	doers := map[string]func(*latchkey.Activity){
		"By:       you, from 203.0.113.7":               func(*latchkey.Activity) {},
		"By:       another member of the account, from": func(a *latchkey.Activity) { a.MemberID = "mem_2" },
		"By:       somebody who is not signed in, from": func(a *latchkey.Activity) { a.MemberID = "" },
		"By:       the operator on the server, from":    func(a *latchkey.Activity) { a.Source = latchkey.SourceOperator },
		"By:       the platform itself, from":           func(a *latchkey.Activity) { a.Source = latchkey.SourceSystem },
	}
	for kind, news := range newsOf {
		for want, how := range doers {
			l, f := notice(noon, 7, kind)
			how(&f.Activity)
			m := written(t, l, f)
			if !strings.Contains(m.Text, want) || !strings.Contains(m.Text, news.advice) || strings.Contains(m.Subject+m.Text, "%s") {
				t.Errorf("%s: want %q in\n%s\n%s", kind, want, m.Subject, m.Text)
			}
		}
	}
	for _, kind := range []latchkey.ActivityType{
		latchkey.ActKeyCreated, latchkey.ActKeyEdited, latchkey.ActKeyActivated, latchkey.ActKeyDeactivated, latchkey.ActKeyDeleted,
		latchkey.ActFactorEnrolled, latchkey.ActFactorRemoved, latchkey.ActRecoveryRenewed, latchkey.ActRecoveryUsed, latchkey.ActPasswordChanged, latchkey.ActSignedIn,
	} {
		if _, ok := newsOf[kind]; !ok {
			t.Errorf("nobody is told about %s", kind)
		}
	}
}

// Attack: a key is named so that the message seems to say something else, to
// carry another code, or to have more header lines.
func TestHostileNamesStayOneLineOfText(t *testing.T) {
	hostile := []string{
		"x\r\nBcc: thief@example.com", "x\n\n654321 confirms: sign in", "a\u202etxt.exe", "\u2028two lines", "\x1b[2J", "bad\xffutf8",
		`{{.Code}}`, "<script>alert(1)</script>", "%s%d%!", strings.Repeat("я", 500),
	}
	for _, name := range hostile {
		l, f := smsCode(noon)
		f.Pending.Draft.KeyName, f.Pending.Draft.Summary = name, "edit key "+name+": + Trade"
		sms := written(t, l, f)
		l, f = mailCode(noon)
		f.Pending.Draft.KeyName, f.Account.Name, f.Activity.IP = name, name, name
		mail := written(t, l, f)
		l, f = notice(noon, 7, latchkey.ActKeyEdited)
		f.Activity.Subject, f.Activity.Note, f.Account.Name = name, name, name
		f.Activity.Changes = []latchkey.Change{{Field: name, Old: name, New: name}}
		note := written(t, l, f)
		oneLine(t, sms.Text, mail.Subject, note.Subject)
		for _, m := range []latchkey.Message{sms, mail, note} {
			if i := strings.IndexFunc(m.Text, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x202e || r == 0x2028 }); i >= 0 || !utf8.ValidString(m.Text) {
				t.Errorf("%q: control character in %q", name, m.Text)
			}
			if strings.Contains(m.Text, "\n654321") || strings.Contains(m.Text, "\nBcc") {
				t.Errorf("%q made a line of its own in\n%s", name, m.Text)
			}
		}
		if got := sixDigits.FindString(sms.Text) + sixDigits.FindString(mail.Text); got != testCode+testCode {
			t.Errorf("%q: the first code in the messages is %s", name, got)
		}
	}
}

func oneLine(t *testing.T, texts ...string) {
	t.Helper()
	for _, s := range texts {
		if strings.ContainsAny(s, "\r\n\u2028\u2029") {
			t.Errorf("more than one line: %q", s)
		}
	}
}

// Attack: the owner pastes the secret where the name goes; a mail would carry
// it through every relay.
func TestNoSecretLeavesInAMessage(t *testing.T) {
	secret := latchkey.NewSecret().Reveal()
	l, f := notice(noon, 7, latchkey.ActKeyEdited)
	f.Activity.Subject, f.Activity.Note = secret, "typed "+secret+" there"
	f.Activity.Changes = []latchkey.Change{{Field: "name", Old: "x", New: secret}}
	note := written(t, l, f)
	l, f = smsCode(noon)
	f.Pending.Draft.KeyName, f.Pending.Draft.Summary = secret, "edit key "+secret+": + Trade"
	f.Pending.NewSecret = latchkey.Secret(secret)
	sms := written(t, l, f)
	if all := note.Subject + note.Text + sms.Text; strings.Contains(all, secret[:24]) {
		t.Errorf("the secret is in\n%s", all)
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("bot-1", 64)
	f.Add("x\r\ny\u202e", 6)
	f.Fuzz(func(t *testing.T, s string, most int) {
		most = 2 + (most&0xff)%200
		got := plain(s, most)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > most {
			t.Errorf("%q", got)
		}
		oneLine(t, got)
		if again := plain(got, most); again != got {
			t.Errorf("plain(%q) = %q, and again %q", s, got, again)
		}
	})
}
