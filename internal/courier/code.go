package courier

import (
	"fmt"
	"strings"
	"time"

	"latchkey"
)

// purpose says what a code is good for, taken apart so that a long name can be
// shortened without touching what is allowed by the code.
type purpose struct {
	verb   string // "edit key", or all there is to say
	name   string // of the key; "" where there is none
	detail string // "+ Trade, 2 IPs"; may be ""
}

// guardWords name the operations that are not about a key. They speak where the
// draft has no summary of its own.
var guardWords = map[latchkey.Operation]string{
	latchkey.OpSignIn:          "sign in",
	latchkey.OpEnrolFactor:     "add a second factor",
	latchkey.OpValidateFactor:  "add this second factor",
	latchkey.OpRemoveFactor:    "remove a second factor",
	latchkey.OpRecoveryRenewal: "make new recovery codes",
}

// purposeOf reads operation and draft. The summary may be the detail alone or
// the whole sentence ("edit key bot-1: + Trade"); both give the same purpose.
func purposeOf(p latchkey.Pending) purpose {
	summary := plain(p.Draft.Summary, longestLine)
	if !latchkey.KeyOperation(p.Operation) {
		if summary != "" {
			return purpose{verb: summary}
		}
		if words, ok := guardWords[p.Operation]; ok {
			return purpose{verb: words}
		}
		return purpose{verb: plain(string(p.Operation), longestName)}
	}
	// A key that does not exist yet has no id, and one that is deleted keeps its
	// name; whichever there is tells the reader which key is meant.
	out := purpose{verb: string(p.Operation) + " key", name: plain(p.Draft.KeyName, longestName)}
	if out.name == "" {
		out.name = plain(p.KeyID, longestName)
	}
	out.detail = summary
	for _, name := range []string{out.name, `"` + out.name + `"`} {
		if rest, whole := strings.CutPrefix(summary, out.verb+" "+name); whole {
			out.detail = strings.TrimLeft(rest, ": ")
		}
	}
	return out
}

// with writes the purpose with the name shortened to so many characters.
func (p purpose) with(most int, quote string) string {
	text := p.verb
	if p.name != "" {
		text += " " + quote + clip(p.name, most) + quote
	}
	if p.detail != "" {
		text += ": " + p.detail
	}
	return text
}

// smsForms are tried in this order until the text fits: the name gets shorter
// before the warning does. What the code is good for is never cut, whatever it
// costs (PSD2 RTS article 5: the payer is made aware of what is confirmed).
var smsForms = []struct {
	name    int
	warning string
}{
	{20, "Nobody from us asks for this code."},
	{12, "Nobody from us asks for this code."},
	{20, "Tell nobody."},
	{12, "Tell nobody."},
	{6, "Tell nobody."},
}

// codeSMS writes the text message. The code comes before anything that a
// stranger may have named.
func (c *Courier) codeSMS(f latchkey.Facts, until time.Time) string {
	// The minute of the expiry is rounded down: better a code that lives a few
	// seconds longer than it says than one that is dead already.
	what, text := purposeOf(f.Pending), ""
	for _, form := range smsForms {
		text = fmt.Sprintf("%s: %s confirms: %s. Valid until %s UTC. %s", clip(c.cfg.Name, 20),
			f.Pending.Code.Reveal(), what.with(form.name, ""), until.UTC().Format("15:04"), form.warning)
		if fitsSMS(text) {
			break
		}
	}
	return text
}

// codeSubject names the purpose, not the code: a locked screen shows subjects.
func (c *Courier) codeSubject(f latchkey.Facts) string {
	what := purposeOf(f.Pending)
	what.detail = ""
	return fmt.Sprintf("%s: your code to %s", c.cfg.Name, what.with(longestName, ""))
}

// codeMail writes the mail with a code. What an activation switches on is
// listed whole, so that the reader confirms the key and not its name.
func (c *Courier) codeMail(f latchkey.Facts, until time.Time) string {
	p, what := f.Pending, purposeOf(f.Pending)
	data := codeText{
		Code: p.Code.Reveal(), Purpose: what.with(longestName, `"`),
		Until: until.UTC().Format("15:04"), Minutes: int(c.cfg.Limits.CodeLife / time.Minute),
		Account: plain(f.Account.Name, longestName), IP: plain(f.Activity.IP, longestName),
		Name: c.cfg.Name, Console: c.cfg.ConsoleURL,
	}
	// Deactivate and delete take rights away; there is nothing to list for them.
	if p.Operation == latchkey.OpActivate || p.Operation == latchkey.OpCreate || p.Operation == latchkey.OpEdit {
		data.Key, data.KeyID = what.name, plain(p.KeyID, longestName)
		data.Permissions = p.Draft.Permissions.String()
		data.Allowlist = some(p.Draft.Allowlist.Strings())
		data.AnyIP = p.Draft.Allowlist.Any()
	}
	return render("code", data)
}

// codeText is what the template "code" shows. Empty fields leave their line out;
// Key is empty where the code is about no key, or about one that only goes.
type codeText struct {
	Code, Purpose, Until string
	// Minutes is the whole life of the code, for who reads the mail at once.
	Minutes                    int
	Account, IP, Name, Console string
	Key, KeyID, Permissions    string
	Allowlist                  []string
	// AnyIP says it in words: an empty list must not look like "nobody".
	AnyIP bool
}
