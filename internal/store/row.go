package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"latchkey"
)

// micros is how a time stands in a row; the zero time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment is the reverse of micros, in UTC.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// plain makes text from outside storable on both engines: PostgreSQL takes
// neither a NUL nor bytes that are not UTF-8, and an entry about an attack
// must not fail because the attacker sent them.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// encode writes a value of ours as JSON text.
func encode[T any](v T) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode %T: %w", v, err)
	}
	return string(text), nil
}

// decode reads what encode wrote. What it cannot read is an error, never a
// zero value; and not an *latchkey.Error, which would look like somebody's
// wrong input.
func decode[T any](text string) (T, error) {
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return v, fmt.Errorf("decode %T: %v", v, err)
	}
	return v, nil
}

// sealText seals a secret for its place: the row's id is part of it, so a value
// that is copied to another row does not open there. No secret stays empty.
func (s *Store) sealText(table, column, row string, v latchkey.Secret) ([]byte, error) {
	if v == "" {
		return []byte{}, nil
	}
	return s.seal.Seal(table, column, row, []byte(v.Reveal()))
}

// openText is the reverse of sealText. Where a secret must be, use openFull.
func (s *Store) openText(table, column, row string, sealed []byte) (latchkey.Secret, error) {
	if len(sealed) == 0 {
		return "", nil
	}
	text, err := s.seal.Open(table, column, row, sealed)
	return latchkey.Secret(text), err
}

// openFull is openText, but an empty secret is an error: it would let anybody
// sign.
func (s *Store) openFull(table, column, row string, sealed []byte) (latchkey.Secret, error) {
	v, err := s.openText(table, column, row, sealed)
	if err == nil && v == "" {
		return "", fmt.Errorf("open %s.%s of %q: it is empty", table, column, row)
	}
	return v, err
}

// each converts rows, stopping at the first that cannot be read.
func each[From, To any](rows []From, convert func(From) (To, error)) ([]To, error) {
	out := make([]To, 0, len(rows))
	for _, row := range rows {
		v, err := convert(row)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
