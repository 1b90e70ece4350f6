package evidence

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"time"

	"latchkey"
)

// entry is one line of an export. The fields of the chain stand in it under the
// names of the management API.
type entry struct {
	Seq       int64    `json:"seq"`
	At        string   `json:"at"` // RFC 3339, UTC
	AccountID string   `json:"accountId"`
	Type      string   `json:"type"`
	Source    string   `json:"source"`
	MemberID  string   `json:"memberId"`
	IP        string   `json:"ip"`
	KeyID     string   `json:"keyId"`
	Subject   string   `json:"subject"`
	Changes   []change `json:"changes"`
	Note      string   `json:"note"`
	Prev      string   `json:"prev"` // the hash of the line before
	Hash      string   `json:"hash"`
}

type change struct {
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

// last is the last line of an export.
type last struct {
	Checkpoint Checkpoint `json:"checkpoint"`
}

func entryOf(before string, a latchkey.Activity) entry {
	e := entry{
		Seq: a.Seq, At: a.At.UTC().Format(time.RFC3339Nano), AccountID: a.AccountID, Type: string(a.Type), Source: string(a.Source),
		MemberID: a.MemberID, IP: a.IP, KeyID: a.KeyID, Subject: a.Subject, Changes: []change{}, Note: a.Note, Prev: before, Hash: a.Hash,
	}
	for _, c := range a.Changes {
		e.Changes = append(e.Changes, change(c))
	}
	return e
}

// activity is the reverse of entryOf. A time that cannot be read is the zero
// time, which is written otherwise than it stood there.
func (e entry) activity() latchkey.Activity {
	at, _ := time.Parse(time.RFC3339Nano, e.At)
	a := latchkey.Activity{
		Seq: e.Seq, At: at.UTC().Truncate(time.Microsecond), AccountID: e.AccountID, Type: latchkey.ActivityType(e.Type), Source: latchkey.Source(e.Source),
		MemberID: e.MemberID, IP: e.IP, KeyID: e.KeyID, Subject: e.Subject, Note: e.Note, Hash: e.Hash,
	}
	for _, c := range e.Changes {
		a.Changes = append(a.Changes, latchkey.Change(c))
	}
	return a
}

// Writer writes an export: JSON lines, one entry each, the checkpoint last.
type Writer struct {
	out *bufio.Writer
	enc *json.Encoder
}

// NewWriter writes to w, and is done with Close.
func NewWriter(w io.Writer) *Writer {
	out := bufio.NewWriter(w)
	return &Writer{out, encoder(out)}
}

// Add writes the entry that follows the one of that hash.
func (w *Writer) Add(before string, act latchkey.Activity) error {
	return w.enc.Encode(entryOf(before, act))
}

// Close writes the checkpoint: without it an export proves nothing.
func (w *Writer) Close(c Checkpoint) error {
	return errors.Join(w.enc.Encode(last{c}), w.out.Flush())
}

func encoder(w io.Writer) *json.Encoder {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc
}

// exactly reads a line into v and reports whether written(), which writes what
// v says, gives the same bytes: then nothing is there that v does not have, such
// as a name that stands twice.
func exactly(line []byte, v any, written func() any) bool {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if dec.Decode(v) != nil {
		return false
	}
	var again bytes.Buffer
	return encoder(&again).Encode(written()) == nil && bytes.Equal(again.Bytes(), line)
}

// longestLine bounds a line of a file, in bytes. An entry has a few KB.
const longestLine = 8 << 20

// eachLine calls do for each line with its end and its number, from 1 on, and
// returns how many there are. The line is do's until it returns.
func eachLine(r io.Reader, do func(number int, line []byte) error) (lines int, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	for line := []byte{}; ; line = line[:0] {
		err := bufio.ErrBufferFull // the line goes on
		for errors.Is(err, bufio.ErrBufferFull) {
			var part []byte
			part, err = in.ReadSlice('\n')
			if line = append(line, part...); len(line) > longestLine {
				return lines, &Fault{lines + 1, "the line is too long for any that an export has"}
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return lines, err
		}
		if len(line) == 0 {
			return lines, nil
		}
		lines++
		if err := do(lines, line); err != nil {
			return lines, err
		}
	}
}
