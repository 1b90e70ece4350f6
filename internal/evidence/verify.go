package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Fault is the first line of a file that is not what the authority wrote.
type Fault struct {
	Line   int // from 1 on
	Reason string
}

func (f *Fault) Error() string { return fmt.Sprintf("line %d: %s", f.Line, f.Reason) }

func faultf(line int, format string, args ...any) *Fault {
	return &Fault{line, fmt.Sprintf(format, args...)}
}

// Trust is what is known from elsewhere. Its zero value trusts nothing, so
// nothing passes.
type Trust struct {
	// Keys are those of the authority. When there are none, those of the marks
	// are: whoever kept them has seen whose they are.
	Keys []Key
	// Marks are checkpoints that were kept: what each covers must still be there.
	Marks []Checkpoint
}

// ErrNoTrust says that there is nothing to compare with.
var ErrNoTrust = errors.New("without a public key or an older checkpoint anybody could have written this")

// Verify reads an export to its end and returns its checkpoint. Any byte that is
// not as it was written is a *Fault. What it cannot see is that a later export
// exists, unless a mark says so; the checkpoint has its time for that.
func Verify(r io.Reader, t Trust) (Checkpoint, error) {
	if len(t.Keys) == 0 {
		for _, m := range t.Marks {
			t.Keys = append(t.Keys, m.Key)
		}
	}
	if len(t.Keys) == 0 {
		return Checkpoint{}, ErrNoTrust
	}
	v := verifier{Trust: t, at: make(map[int64]Checkpoint, len(t.Marks))}
	for _, m := range t.Marks {
		v.at[m.Seq] = m
	}
	lines, err := eachLine(r, v.line)
	if err != nil {
		return Checkpoint{}, err
	}
	if v.checkpoint == nil {
		return Checkpoint{}, faultf(lines+1, "the file ends after activity %d without its checkpoint: its end was cut off", v.end.Seq)
	}
	return *v.checkpoint, nil
}

// verifier is how far the reading has come.
type verifier struct {
	Trust
	at         map[int64]Checkpoint // the marks, by the activity that they end with
	end        End
	checkpoint *Checkpoint
}

func (v *verifier) line(number int, line []byte) error {
	switch {
	case v.checkpoint != nil:
		return faultf(number, "it stands after the checkpoint: it was added")
	case !bytes.HasSuffix(line, []byte("\n")):
		return faultf(number, "the line has no end: it was cut off")
	case bytes.HasPrefix(line, []byte(`{"checkpoint":`)):
		return v.last(number, line)
	}
	var e entry
	if !exactly(line, &e, func() any { return entryOf(e.Prev, e.activity()) }) {
		return faultf(number, "it is not an activity as an export writes it")
	}
	if reason := v.follow(e); reason != "" {
		return &Fault{number, reason}
	}
	return nil
}

// follow says what is wrong with the next entry, or makes it the new end.
func (v *verifier) follow(e entry) string {
	next := v.end.Seq + 1
	switch {
	case e.Seq > next:
		return fmt.Sprintf("activity %d is missing before activity %d", next, e.Seq)
	case e.Seq < next:
		return fmt.Sprintf("activity %d stands where %d must: it was moved, or stands twice", e.Seq, next)
	case e.Prev != v.end.Hash:
		return fmt.Sprintf("activity %d does not follow the line before: one of the two was changed", e.Seq)
	case Hash(e.Prev, e.activity()) != e.Hash:
		return fmt.Sprintf("activity %d was changed: its hash does not fit", e.Seq)
	}
	v.end = End{Seq: e.Seq, Hash: e.Hash}
	if m, kept := v.at[e.Seq]; kept && m.Hash != e.Hash {
		return fmt.Sprintf("activity %d is not the one that was signed at %s: the log was written anew since, or the database put back from a backup", e.Seq, m.time())
	}
	return ""
}

// last checks the checkpoint against the key, the lines before it and the marks,
// in this order: what an unknown key says is not worth a word.
func (v *verifier) last(number int, line []byte) error {
	var l last
	if !exactly(line, &l, func() any { return l.normal() }) {
		return faultf(number, "it is not a checkpoint as an export writes it")
	}
	c := l.Checkpoint
	if err := trusted(number, c, v.Keys); err != nil {
		return err
	}
	switch {
	case c.Seq > v.end.Seq:
		return faultf(number, "the checkpoint covers activities up to %d, but the lines end with %d: the last ones were taken out", c.Seq, v.end.Seq)
	case c.Seq < v.end.Seq:
		return faultf(number, "the checkpoint covers activities up to %d, but the lines end with %d: something was added", c.Seq, v.end.Seq)
	case c.Hash != v.end.Hash:
		return faultf(number, "the checkpoint was signed for other activities than these: they were written anew, or it is of another export")
	}
	for _, m := range v.Marks {
		if m.Seq > c.Seq {
			return &Fault{number, shorter(c, m)}
		}
	}
	v.checkpoint = &c
	return nil
}

// normal is the line as Sign would make it.
func (l last) normal() last {
	l.Checkpoint.At = l.Checkpoint.At.UTC().Truncate(time.Microsecond)
	return l
}

// shorter says why an export may lack what a mark covers.
func shorter(c, m Checkpoint) string {
	what := fmt.Sprintf("the export ends with activity %d, signed at %s, but activity %d was signed at %s: ", c.Seq, c.time(), m.Seq, m.time())
	switch {
	case m.At.After(c.At):
		return what + "this is the older of the two; get a newer export"
	case m.Incarnation < c.Incarnation:
		return what + "the database was put back from a backup between the two"
	}
	return what + "the end of the log was cut off, or the database put back to an older state"
}

// trusted refuses a checkpoint that none of the keys has signed.
func trusted(line int, c Checkpoint, keys []Key) error {
	if !slices.Contains(keys, c.Key) {
		return faultf(line, "the checkpoint is signed with %s, which is no key that you trust: it is forged, or of another authority, or the authority has a new key", c.Key)
	}
	if !c.signed() {
		return faultf(line, "the signature of the checkpoint does not fit: the checkpoint was changed or forged")
	}
	return nil
}

func (c Checkpoint) time() string { return c.At.Format(time.RFC3339) }
