package courier

import (
	"strings"

	"latchkey"
)

// news is how a type of activity is told. The subject alone must say what
// happened: many read no further on a phone.
type news struct {
	subject string // of the mail; the name of the key follows where %s stands
	advice  string // what to do if it was somebody else
}

// The advice begins with the fastest act that stops a thief: deactivate needs no
// code, so it works for who has lost the phone as well.
const (
	stopKey = "If this was not you: sign in, deactivate the key under Settings > API Keys Management, and change your password."
	stopAll = "If this was not you: sign in, end all sessions under Security, change your password, and look at your second factors and keys."
	askHelp = "If you did not expect this, ask who runs the platform."
)

// newsOf lists the types of activity that are told by mail. All others are in
// the console under Account Activities only.
var newsOf = map[latchkey.ActivityType]news{
	latchkey.ActKeyCreated:      {"key %s was created", stopKey},
	latchkey.ActKeyEdited:       {"key %s was edited and is inactive now", stopKey},
	latchkey.ActKeyActivated:    {"key %s was activated", stopKey},
	latchkey.ActKeyDeactivated:  {"key %s was deactivated", stopAll},
	latchkey.ActKeyDeleted:      {"key %s was deleted", stopAll},
	latchkey.ActFactorEnrolled:  {"a second factor was added", stopAll},
	latchkey.ActFactorRemoved:   {"a second factor was removed", stopAll},
	latchkey.ActRecoveryRenewed: {"new recovery codes were made; the old ones are dead", stopAll},
	latchkey.ActRecoveryUsed:    {"a recovery code was used", stopAll},
	latchkey.ActPasswordChanged: {"your password was changed", stopAll},
	latchkey.ActPasswordReset:   {"your password was set anew by a link that was sent to you", stopAll},
	latchkey.ActSignedIn:        {"somebody signed in as you", stopAll},
	latchkey.ActPendingDied:     {"too many wrong codes were typed; nothing was changed", stopAll},
	latchkey.ActMemberAdded:     {"a member was added to your account", askHelp},
	latchkey.ActMemberRemoved:   {"a member was removed from your account", askHelp},
}

// fieldWords name the fields of a Change as the screens do.
var fieldWords = map[string]string{
	"name": "Name", "permissions": "Permissions", "allowlist": "IP whitelist", "status": "Status",
}

// noticeText is what the template "notice" shows. All values are plain lines;
// empty ones leave their line out.
type noticeText struct {
	What, Account, Time, Subject, KeyID, By, IP string
	Changes                                     []changeText
	Note, Advice, Name, Console                 string
	AboutKey                                    bool
}

// changeText is one "old > new". A side that was empty shows as "-".
type changeText struct{ Field, Old, New string }

// noticeMail writes subject and text. Names and notes were written by others
// and go in as plain lines.
func (c *Courier) noticeMail(f latchkey.Facts, n news) (subject, text string) {
	a := f.Activity
	// The name is quoted in the text, where it could pass for a sentence of ours.
	name := plain(a.Subject, longestName)
	what := strings.ReplaceAll(n.subject, "%s", name)
	data := noticeText{
		What: c.cfg.Name + ": " + strings.ReplaceAll(n.subject, "%s", `"`+name+`"`), Account: plain(f.Account.Name, longestName),
		Time: a.At.UTC().Format("2006-01-02 15:04:05"), Subject: name, KeyID: plain(a.KeyID, longestName),
		By: doer(f), IP: plain(a.IP, longestName), Note: plain(a.Note, longestLine),
		Advice: n.advice, Name: c.cfg.Name, Console: c.cfg.ConsoleURL,
		AboutKey: strings.Contains(n.subject, "%s"),
	}
	for _, change := range a.Changes {
		data.Changes = append(data.Changes, tell(change))
	}
	return c.cfg.Name + ": " + what, render("notice", data)
}

// doer says who did it. The operator is named as such: that act had no code of
// the owner behind it.
func doer(f latchkey.Facts) string {
	switch a := f.Activity; {
	case a.Source == latchkey.SourceOperator:
		return "the operator on the server"
	case a.Source == latchkey.SourceSystem:
		return "the platform itself"
	case a.MemberID == f.Member.ID:
		return "you"
	case a.MemberID == "":
		return "somebody who is not signed in"
	}
	return "another member of the account"
}

// tell makes one line "old > new" of a change. Long lists show their beginning.
func tell(ch latchkey.Change) changeText {
	field, known := fieldWords[ch.Field]
	if !known {
		field = plain(ch.Field, longestName)
	}
	return changeText{field, tellValue(ch.Old), tellValue(ch.New)}
}

// tellValue splits at the separator of Allowlist.String and Permissions.String,
// so that a thousand addresses do not make a mail of fifty pages.
func tellValue(s string) string {
	if s == "" {
		return "-"
	}
	return strings.Join(some(strings.Split(s, ", ")), ", ")
}
