package evidence_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/evidence"
)

// The attacker has the file, or the database, and not the key. The whole export
// has 8 entries and the checkpoint as line 9.
func TestEachTamperingOfLinesIsFound(t *testing.T) {
	a, other := newAuthority(t, 8), newAuthority(t, 9)
	foreign := lines(other.export(other.sign(1)))
	for _, c := range []struct {
		name   string
		tamper func(l []string) []string
		line   int
		reason string
	}{
		{"the first is deleted", func(l []string) []string { return l[1:] }, 1, "activity 1 is missing"},
		{"one in the middle is deleted", func(l []string) []string { return slices.Delete(l, 3, 4) }, 4, "activity 4 is missing"},
		{"the last is deleted", func(l []string) []string { return slices.Delete(l, 7, 8) }, 8, "the last ones were taken out"},
		{"all are deleted", func(l []string) []string { return l[8:] }, 1, "the last ones were taken out"},
		{"one stands twice", func(l []string) []string { return slices.Insert(l, 4, l[3]) }, 5, "stands twice"},
		{"two are exchanged", func(l []string) []string { l[2], l[3] = l[3], l[2]; return l }, 3, "activity 3 is missing"},
		{"the first two are exchanged", func(l []string) []string { l[0], l[1] = l[1], l[0]; return l }, 1, "activity 1 is missing"},
		{"the last two are exchanged", func(l []string) []string { l[6], l[7] = l[7], l[6]; return l }, 7, "activity 7 is missing"},
		{"one of another log is put in its place", func(l []string) []string { l[3] = foreign[3]; return l }, 4, "does not follow"},
		{"one of another log is added", func(l []string) []string { return slices.Insert(l, 8, foreign[8]) }, 9, "does not follow"},
		{"the checkpoint is cut off", func(l []string) []string { return l[:8] }, 9, "without its checkpoint"},
		{"the end is cut off", func(l []string) []string { return l[:5] }, 6, "after activity 5 without its checkpoint"},
		{"everything is cut off", func([]string) []string { return nil }, 1, "without its checkpoint"},
		{"the checkpoint stands before the last", func(l []string) []string { l[7], l[8] = l[8], l[7]; return l }, 8, "the last ones were taken out"},
		{"the checkpoint stands twice", func(l []string) []string { return append(l, l[8]) }, 10, "after the checkpoint"},
		{"something stands after the checkpoint", func(l []string) []string { return append(l, "\n") }, 10, "after the checkpoint"},
		{"the checkpoint of another authority", func(l []string) []string { l[8] = foreign[9]; return l }, 9, "no key that you trust"},
		{"the whole export of another authority", func([]string) []string { return slices.Clone(foreign) }, 10, "no key that you trust"},
		{"an empty line", func(l []string) []string { return slices.Insert(l, 2, "\n") }, 3, "not an activity"},
		{"a line that is no JSON", func(l []string) []string { l[2] = "x\n"; return l }, 3, "not an activity"},
		{"two values in a line", func(l []string) []string { l[2] = strings.TrimSpace(l[2]) + "{}\n"; return l }, 3, "not an activity"},
		{"an end of line of another system", func(l []string) []string { l[2] = strings.TrimSpace(l[2]) + "\r\n"; return l }, 3, "not an activity"},
		{"a name that stands twice", func(l []string) []string { l[2] = `{"note":"x",` + l[2][1:]; return l }, 3, "not an activity"},
		{"a name that there is not", func(l []string) []string { l[2] = `{"x":1,` + l[2][1:]; return l }, 3, "not an activity"},
		{"a checkpoint with a name more", func(l []string) []string { l[8] = strings.Replace(l[8], `"seq"`, `"x":1,"seq"`, 1); return l }, 9, "not a checkpoint"},
		{"a line without end", func(l []string) []string { l[2] = strings.Repeat("x", 9<<20); return l }, 3, "too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			faulty(t, joined(c.tamper(lines(a.export(a.sign(1))))), a.key(), c.line, c.reason)
		})
	}
	whole := a.export(a.sign(1))
	faulty(t, whole[:len(whole)-1], a.key(), 9, "cut off")
	passes(t, whole, a.key())
	// Anybody can go on from the last hash.
	old := a.sign(1)
	a.add(1)
	faulty(t, a.export(old), a.key(), 10, "something was added")
}

// edits changes one field each.
var edits = map[string]func(*latchkey.Activity){
	"at":        func(a *latchkey.Activity) { a.At = a.At.Add(time.Microsecond) },
	"accountId": func(a *latchkey.Activity) { a.AccountID = "acc_2" },
	"type":      func(a *latchkey.Activity) { a.Type = latchkey.ActKeyDeleted },
	"source":    func(a *latchkey.Activity) { a.Source = latchkey.SourceSystem },
	"memberId":  func(a *latchkey.Activity) { a.MemberID = "mem_2" },
	"ip":        func(a *latchkey.Activity) { a.IP = "192.0.2.2" },
	"keyId":     func(a *latchkey.Activity) { a.KeyID = "lk_2" },
	"subject":   func(a *latchkey.Activity) { a.Subject = "" },
	"note":      func(a *latchkey.Activity) { a.Note += " " },
	"text moved to the next field": func(a *latchkey.Activity) {
		a.KeyID, a.Subject = a.KeyID+a.Subject[:1], a.Subject[1:]
	},
	"field of a change":   func(a *latchkey.Activity) { a.Changes[0].Field = "name" },
	"old of a change":     func(a *latchkey.Activity) { a.Changes[0].Old = "" },
	"new of a change":     func(a *latchkey.Activity) { a.Changes[0].New = "Read" },
	"a change less":       func(a *latchkey.Activity) { a.Changes = a.Changes[:1] },
	"a change more":       func(a *latchkey.Activity) { a.Changes = append(a.Changes, latchkey.Change{}) },
	"changes exchanged":   func(a *latchkey.Activity) { a.Changes[0], a.Changes[1] = a.Changes[1], a.Changes[0] },
	"no changes any more": func(a *latchkey.Activity) { a.Changes = nil },
}

// edited is a copy of the log with entry 4 edited; anew makes the hash anew of
// that entry (1) or of all from it on (2).
func (a *authority) edited(edit func(*latchkey.Activity), anew int) *authority {
	out := &authority{t: a.t, signer: a.signer, end: a.end}
	before := ""
	for i, act := range a.acts {
		act.Changes = slices.Clone(act.Changes)
		if i == 3 {
			edit(&act)
		}
		if i == 3 && anew > 0 || i > 3 && anew > 1 {
			act.Hash = evidence.Hash(before, act)
		}
		before = act.Hash
		out.acts = append(out.acts, act)
	}
	if anew > 1 {
		out.end.Hash = before
	}
	return out
}

// An edit breaks its own hash. Who makes that anew breaks the next line; who
// makes all anew, as anybody can, breaks the checkpoint; and who makes a new
// checkpoint lacks the key. With the key he would get through: that is what the
// key is for, and what --since is for.
func TestEachEditOfEachFieldIsFound(t *testing.T) {
	a, thief := newAuthority(t, 8), newSigner(t)
	good := a.sign(1)
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			faulty(t, a.edited(edit, 0).export(good), a.key(), 4, "activity 4 was changed")
			next := a.edited(edit, 1)
			faulty(t, unlinked(next.export(good), a.acts[3].Hash), a.key(), 5, "activity 5 does not follow")
			all := a.edited(edit, 2)
			faulty(t, all.export(good), a.key(), 9, "signed for other activities")
			forged := thief.Sign(all.end, good.At)
			faulty(t, all.export(forged), a.key(), 9, "no key that you trust")
			forged.Key = a.signer.Key()
			faulty(t, all.export(forged), a.key(), 9, "the signature of the checkpoint does not fit")
			forged = all.sign(1)
			passes(t, all.export(forged), a.key())
			faulty(t, all.export(forged), evidence.Trust{Keys: a.key().Keys, Marks: []evidence.Checkpoint{good}}, 8, "not the one that was signed")
		})
	}
}

// unlinked puts the hash into line 5 that stood there before the edit.
func unlinked(export, hash string) string {
	list := lines(export)
	list[4] = regexp.MustCompile(`"prev":"[0-9a-f]*"`).ReplaceAllString(list[4], `"prev":"`+hash+`"`)
	return joined(list)
}

// A signature stands for all that the checkpoint says.
func TestEachFieldOfTheCheckpointIsSigned(t *testing.T) {
	a, other := newAuthority(t, 8), newSigner(t)
	for name, edit := range map[string]func(*evidence.Checkpoint){
		"incarnation": func(c *evidence.Checkpoint) { c.Incarnation++ },
		"seq":         func(c *evidence.Checkpoint) { c.Seq-- },
		"hash":        func(c *evidence.Checkpoint) { c.Hash = a.acts[6].Hash },
		"at":          func(c *evidence.Checkpoint) { c.At = c.At.Add(time.Hour) },
		"signature":   func(c *evidence.Checkpoint) { c.Signature[0] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			c := a.sign(1)
			edit(&c)
			faulty(t, a.export(c), a.key(), 9, "the signature of the checkpoint does not fit")
		})
	}
	c := a.sign(1)
	c.Key = other.Key()
	faulty(t, a.export(c), a.key(), 9, "no key that you trust")
	faulty(t, a.export(c), evidence.Trust{Keys: []evidence.Key{other.Key()}}, 9, "the signature of the checkpoint does not fit")
	passes(t, a.export(a.sign(1)), evidence.Trust{Keys: []evidence.Key{other.Key(), a.signer.Key()}})
}

// One key, two databases: a server was set up as a copy of another.
func TestACheckpointOfAnotherLogOfTheSameKeyIsFound(t *testing.T) {
	a := newAuthority(t, 8)
	b := &authority{t: t, signer: a.signer, end: evidence.End{Incarnation: 1}}
	b.record(latchkey.Activity{At: start, Type: latchkey.ActAccountCreated, Source: latchkey.SourceOperator})
	b.add(7)
	faulty(t, a.export(b.sign(1)), a.key(), 9, "signed for other activities")
	faulty(t, b.export(b.sign(2)), evidence.Trust{Keys: a.key().Keys, Marks: []evidence.Checkpoint{a.sign(1)}}, 8, "not the one that was signed")
}

// Hash and signature are computed here apart from the package, from what
// docs/operations.md says: somebody else's program has to get the same.
func TestHashAndSignatureAreTheDocumentedOnes(t *testing.T) {
	a := newAuthority(t, 2)
	c := a.sign(1)
	digest, err := hex.DecodeString(netstrings([]string{"latchkey activity checkpoint v1", "1", "2", a.acts[1].Hash, itoa(start.Add(time.Hour).UnixMicro())}))
	if err != nil || !ed25519.Verify(c.Key[:], digest, c.Signature[:]) {
		t.Errorf("the checkpoint is signed otherwise: %v", err)
	}
	for _, line := range lines(a.export(a.sign(1)))[:2] {
		var e struct {
			Seq                                                                     int64
			At                                                                      time.Time
			AccountID, Type, Source, MemberID, IP, KeyID, Subject, Note, Prev, Hash string
			Changes                                                                 []struct{ Field, Old, New string }
		}
		if err := json.NewDecoder(bytes.NewReader([]byte(line))).Decode(&e); err != nil {
			t.Fatal(err)
		}
		list := []string{"latchkey activity v1", e.Prev, itoa(e.Seq), itoa(e.At.UnixMicro()), e.AccountID, e.Type, e.Source,
			e.MemberID, e.IP, e.KeyID, e.Subject, e.Note, itoa(int64(len(e.Changes)))}
		for _, c := range e.Changes {
			list = append(list, c.Field, c.Old, c.New)
		}
		if got := netstrings(list); got != e.Hash {
			t.Errorf("activity %d: %s, want %s", e.Seq, got, e.Hash)
		}
	}
}
