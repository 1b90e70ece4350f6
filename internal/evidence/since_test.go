package evidence_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"latchkey"
	"latchkey/internal/evidence"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func netstrings(list []string) string {
	var text strings.Builder
	for _, s := range list {
		fmt.Fprintf(&text, "%d:%s,", len(s), s)
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text.String())))
}

// marks reads what was kept.
func (a *authority) marks(kept string) evidence.Trust {
	a.t.Helper()
	list, err := evidence.ReadMarks(strings.NewReader(kept), a.key().Keys)
	if err != nil {
		a.t.Fatal(err)
	}
	return evidence.Trust{Keys: a.key().Keys, Marks: list}
}

// The attacker has database and key, or put an older database in the place of
// the present one. Then only what is kept elsewhere can tell.
func TestAnOlderExportFindsWhatIsGone(t *testing.T) {
	a := newAuthority(t, 8)
	older := a.export(a.sign(1))
	a.add(4)
	now := a.export(a.sign(2))
	passes(t, now, a.marks(older))
	passes(t, older, a.marks(older))

	cut := &authority{t: t, signer: a.signer, acts: a.acts[:7], end: evidence.End{Incarnation: 1, Seq: 7, Hash: a.acts[6].Hash}}
	passes(t, cut.export(cut.sign(3)), a.key()) // the twin: by itself it looks good
	faulty(t, cut.export(cut.sign(3)), a.marks(older), 8, "the end of the log was cut off")
	cut.add(5) // and life goes on
	cut.acts[7].Note = "else"
	again := cut.edited(func(*latchkey.Activity) {}, 2)
	passes(t, again.export(again.sign(3)), a.key())
	faulty(t, again.export(again.sign(3)), a.marks(older), 8, "activity 8 is not the one that was signed at 2026-03-01T13:00:00Z")

	cut.acts, cut.end = cut.acts[:7], evidence.End{Incarnation: 2, Seq: 7, Hash: a.acts[6].Hash}
	faulty(t, cut.export(cut.sign(3)), a.marks(older), 8, "put back from a backup between the two")
	faulty(t, older, a.marks(now), 9, "get a newer export")
}

// An auditor who was never told a key goes by the one of his older export.
func TestAnOlderExportStandsForItsKey(t *testing.T) {
	a, thief := newAuthority(t, 8), newSigner(t)
	kept, err := evidence.ReadMarks(strings.NewReader(a.export(a.sign(1))), nil)
	if err != nil {
		t.Fatal(err)
	}
	a.add(1)
	passes(t, a.export(a.sign(2)), evidence.Trust{Marks: kept})
	faulty(t, a.export(thief.Sign(a.end, start)), evidence.Trust{Marks: kept}, 10, "no key that you trust")
}

// The log of a server is as good as an export: its lines hold checkpoints, among
// others, with whatever the shipper puts before them.
func TestTheLogOfAServerIsKeptEvidence(t *testing.T) {
	a := newAuthority(t, 3)
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("activities signed", "checkpoint", a.sign(1))
	log.Warn("a note with \"checkpoint\":{ in it")
	out.WriteString("a panic, which is no JSON\n\n")
	a.add(2)
	out.WriteString("2026-03-01T14:00:00Z host latchkey: ")
	log.Info("activities signed", "checkpoint", a.sign(2))
	log.Info("activities signed", "checkpoint", a.sign(3)) // of another console: the same
	trust := a.marks(out.String())
	if len(trust.Marks) != 3 || trust.Marks[1] != a.sign(2) {
		t.Fatalf("marks: %+v", trust.Marks)
	}
	passes(t, a.export(a.sign(4)), trust)
	cut := &authority{t: t, signer: a.signer, acts: a.acts[:4], end: evidence.End{Incarnation: 1, Seq: 4, Hash: a.acts[3].Hash}}
	faulty(t, cut.export(cut.sign(4)), trust, 5, "was cut off")
}

// What was kept can be bad itself: forged, without any checkpoint, or proof that
// the authority has signed two histories.
func TestABadFileOfMarksIsRefused(t *testing.T) {
	a, b := newAuthority(t, 3), newAuthority(t, 3)
	mark := func(c evidence.Checkpoint) string { list := lines(a.export(c)); return list[len(list)-1] }
	edited := strings.Replace(mark(a.sign(1)), "T13", "T14", 1)
	rewritten := a.edited(func(*latchkey.Activity) {}, 2)
	rewritten.end.Hash = b.end.Hash + "0"
	for _, c := range []struct {
		name, kept string
		line       int
		reason     string
	}{
		{"forged", "x\n" + mark(b.sign(1)), 2, "no key that you trust"},
		{"edited", edited, 1, "signature"},
		{"not readable", `{"checkpoint":{"seq":"x"}}`, 1, "cannot be read"},
		{"two histories", mark(a.sign(1)) + mark(rewritten.sign(2)), 2, "activity 3 was signed at 2026-03-01T13:00:00Z and at 2026-03-01T14:00:00Z"},
	} {
		_, err := evidence.ReadMarks(strings.NewReader(c.kept), a.key().Keys)
		if fault, ok := errors.AsType[*evidence.Fault](err); !ok || fault.Line != c.line || !strings.Contains(fault.Reason, c.reason) {
			t.Errorf("%s: ReadMarks = %v, want line %d: ...%s...", c.name, err, c.line, c.reason)
		}
	}
	if _, err := evidence.ReadMarks(strings.NewReader(strings.Join(lines(a.export(a.sign(1)))[:3], "")), nil); !errors.Is(err, evidence.ErrNoMark) {
		t.Errorf("an export without its end: %v", err)
	}
}

// Whatever is done to the bytes of an export: one that is not as it was written
// does not pass. An edit by chance, or of whole lines, in any number.
func TestNoOtherBytesPass(t *testing.T) {
	a := newAuthority(t, 12)
	whole := a.export(a.sign(1))
	rapid.Check(t, func(r *rapid.T) {
		text := whole
		for range rapid.IntRange(1, 4).Draw(r, "edits") {
			text = damaged(r, text)
		}
		_, err := evidence.Verify(strings.NewReader(text), a.key())
		if fault, ok := errors.AsType[*evidence.Fault](err); text != whole && (!ok || fault.Line < 1) {
			r.Fatalf("Verify = %v of\n%s", err, text)
		}
		if text == whole && err != nil {
			r.Fatalf("the export itself is refused: %v", err)
		}
	})
}

// damaged does one thing to the bytes or lines of a file.
func damaged(r *rapid.T, text string) string {
	at := func(n int) int { return rapid.IntRange(0, max(n-1, 0)).Draw(r, "at") }
	list := strings.SplitAfter(text, "\n")
	i, j := at(len(list)), at(len(list))
	b := at(len(text))
	switch rapid.IntRange(0, 6).Draw(r, "kind") {
	case 0: // a byte is another
		raw := []byte(text)
		if len(raw) > 0 {
			raw[b] = rapid.Byte().Draw(r, "byte")
		}
		return string(raw)
	case 1: // bytes are put in
		return text[:b] + rapid.SampledFrom([]string{" ", "\n", "0", "\"", ",", "\\u0041", "\r"}).Draw(r, "text") + text[b:]
	case 2: // bytes are taken out
		return text[:b] + text[min(len(text), b+rapid.IntRange(1, 50).Draw(r, "length")):]
	case 3: // cut off
		return text[:b]
	case 4:
		list[i], list[j] = list[j], list[i]
	case 5:
		list[i] = list[j]
	default:
		list[i] += list[j]
	}
	return strings.Join(list, "")
}

// Nothing that a stranger puts into a file makes the reader fall, and nothing
// but the export itself passes.
func FuzzVerify(f *testing.F) {
	f.Add("")
	f.Add("{}\n")
	f.Add(`{"checkpoint":{"incarnation":1,"seq":0,"hash":"","at":"2026-03-01T13:00:00Z","key":"ed25519:","signature":""}}` + "\n")
	f.Add(`{"seq":1,"at":"x","changes":null}` + "\n")
	key := newSigner(f).Key()
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := evidence.Verify(strings.NewReader(text), evidence.Trust{Keys: []evidence.Key{key}}); err == nil {
			t.Errorf("passes: %+v", c)
		}
		if marks, err := evidence.ReadMarks(strings.NewReader(text), []evidence.Key{key}); err == nil {
			t.Errorf("marks: %+v", marks)
		}
	})
}
