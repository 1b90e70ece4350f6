package evidence_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/evidence"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// authority has a key and a log, as a server has.
type authority struct {
	t      *testing.T
	signer evidence.Signer
	// Two authorities write the same, but about other accounts.
	account string
	acts    []latchkey.Activity
	end     evidence.End
}

func newAuthority(t *testing.T, entries int) *authority {
	t.Helper()
	a := &authority{t: t, account: latchkey.NewID("acc"), signer: newSigner(t), end: evidence.End{Incarnation: 1}}
	a.add(entries)
	return a
}

func newSigner(t testing.TB) evidence.Signer {
	t.Helper()
	s, err := evidence.LoadOrMake(filepath.Join(t.TempDir(), "activity.key"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// add writes entries that have something in every field.
func (a *authority) add(entries int) {
	for range entries {
		n := len(a.acts) + 1
		a.record(latchkey.Activity{
			At: start.Add(time.Duration(n) * 1001 * time.Millisecond), AccountID: a.account, Type: latchkey.ActKeyEdited, Source: latchkey.SourceConsole,
			MemberID: "mem_1", IP: "192.0.2.1", KeyID: "lk_1", Subject: fmt.Sprint("bot-", n), Note: "<a> & \"b\"\u2028",
			Changes: []latchkey.Change{{Field: "permissions", Old: "Read", New: "Read, Trade"}, {Field: "name", New: "x"}},
		})
	}
}

func (a *authority) record(act latchkey.Activity) {
	act.Seq = int64(len(a.acts) + 1)
	act.Hash = evidence.Hash(a.end.Hash, act)
	a.acts = append(a.acts, act)
	a.end.Seq, a.end.Hash = act.Seq, act.Hash
}

// sign signs the log as it is, so many hours after the start.
func (a *authority) sign(hours int) evidence.Checkpoint {
	return a.signer.Sign(a.end, start.Add(time.Duration(hours)*time.Hour))
}

// export writes the log with that checkpoint.
func (a *authority) export(c evidence.Checkpoint) string {
	a.t.Helper()
	var out bytes.Buffer
	w, before := evidence.NewWriter(&out), ""
	for _, act := range a.acts {
		if err := w.Add(before, act); err != nil {
			a.t.Fatal(err)
		}
		before = act.Hash
	}
	if err := w.Close(c); err != nil {
		a.t.Fatal(err)
	}
	return out.String()
}

// key is all that an auditor knows of the authority.
func (a *authority) key() evidence.Trust { return evidence.Trust{Keys: []evidence.Key{a.signer.Key()}} }

// lines splits an export into its lines, each with its end.
func lines(export string) []string {
	list := strings.SplitAfter(export, "\n")
	return list[:len(list)-1]
}

func joined(list []string) string { return strings.Join(list, "") }

// passes demands that an export is good.
func passes(t *testing.T, export string, trust evidence.Trust) evidence.Checkpoint {
	t.Helper()
	c, err := evidence.Verify(strings.NewReader(export), trust)
	if err != nil {
		t.Fatalf("a good export is refused: %v", err)
	}
	return c
}

// faulty demands that an export is refused at that line, for that reason.
func faulty(t *testing.T, export string, trust evidence.Trust, line int, reason string) {
	t.Helper()
	c, err := evidence.Verify(strings.NewReader(export), trust)
	fault, ok := errors.AsType[*evidence.Fault](err)
	if !ok || fault.Line != line || !strings.Contains(fault.Reason, reason) {
		t.Errorf("Verify = %v, want line %d: ...%s...", err, line, reason)
	}
	if c != (evidence.Checkpoint{}) {
		t.Errorf("a checkpoint comes with the refusal: %+v", c)
	}
}

func TestAGoodExportPasses(t *testing.T) {
	for _, n := range []int{0, 1, 2, 600} {
		a := newAuthority(t, n)
		c := a.sign(1)
		if got := passes(t, a.export(c), a.key()); got != c || got.Seq != int64(n) {
			t.Errorf("%d entries: checkpoint %+v, want %+v", n, got, c)
		}
	}
}

// An export says nothing that its reader does not know already where nobody has
// told him a key: anybody can make one.
func TestNothingIsTrustedUntilSomethingIsNamed(t *testing.T) {
	a := newAuthority(t, 3)
	if _, err := evidence.Verify(strings.NewReader(a.export(a.sign(1))), evidence.Trust{}); !errors.Is(err, evidence.ErrNoTrust) {
		t.Errorf("Verify = %v, want %v", err, evidence.ErrNoTrust)
	}
}

// The names of the lines are a contract: somebody else's program reads them, too.
func TestAnExportIsJSONLines(t *testing.T) {
	a := newAuthority(t, 1)
	list := lines(a.export(a.sign(1)))
	var names []string
	dec := json.NewDecoder(strings.NewReader(list[0]))
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := tok.(json.Delim); ok && d == '[' {
			break
		}
		names = append(names, fmt.Sprint(tok))
	}
	want := "{ seq 1 at 2026-03-01T12:00:01.001Z accountId " + a.account + " type key_edited source console memberId mem_1 ip 192.0.2.1 keyId lk_1 subject bot-1 changes"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("the line begins with\n%s\nwant\n%s", got, want)
	}
	if len(list) != 2 || !strings.HasPrefix(list[1], `{"checkpoint":{"incarnation":1,"seq":1,"hash":"`+a.end.Hash+`","at":"2026-03-01T13:00:00Z","key":"ed25519:`) {
		t.Errorf("the last line is %s", list[len(list)-1])
	}
}

// BenchmarkVerify gives the time of one entry.
func BenchmarkVerify(b *testing.B) {
	a := &authority{account: "acc_1", signer: newSigner(b), end: evidence.End{Incarnation: 1}}
	a.add(b.N)
	var out bytes.Buffer
	w, before := evidence.NewWriter(&out), ""
	for _, act := range a.acts {
		if err := w.Add(before, act); err != nil {
			b.Fatal(err)
		}
		before = act.Hash
	}
	if err := w.Close(a.sign(1)); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(out.Len() / b.N))
	b.ResetTimer()
	if _, err := evidence.Verify(&out, a.key()); err != nil {
		b.Fatal(err)
	}
}
