package signature

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// MaxDepth is how deep objects and arrays may nest, the body's own object
// counted. No call of the protocol comes near it.
const MaxDepth = 32

// What is wrong with a JSON body; wrapped in a *JSONError.
var (
	ErrSyntax    = errors.New("this is not JSON (RFC 8259)")
	ErrNotObject = errors.New("the body must be one JSON object; send at least {}")
	ErrTrailing  = errors.New("something stands after the JSON object; send one object only")
	ErrBOM       = errors.New("the body begins with a byte order mark; send UTF-8 without it")
	ErrUTF8      = errors.New("this is not UTF-8")
	ErrSurrogate = errors.New("half of a surrogate pair is escaped without the other half")
	ErrDepth     = errors.New("objects and arrays nest deeper than 32")
	ErrDuplicate = errors.New("a member of this object was named before (upper and lower case count as equal)")
)

// JSONError says where a body is wrong. It never repeats what the body holds.
type JSONError struct {
	Offset int   // bytes before the fault
	Err    error // one of the errors above
}

func (e *JSONError) Error() string { return fmt.Sprintf("byte %d: %v", e.Offset, e.Err) }

// Unwrap makes errors.Is work with the errors above.
func (e *JSONError) Unwrap() error { return e.Err }

// Field asks ScanJSON for the raw value of a member of the outermost object.
type Field struct {
	Name  string  // exact, compared after unescaping
	Value *[]byte // set to the value's bytes; nil when there is no such member

	// at is where the scan found the value. The bytes are handed out at the end
	// only: a pointer kept by the scanner would move it and its names to the heap.
	at span
}

// ScanJSON accepts a body that every JSON parser reads alike, and refuses the
// rest: exactly one object, no member named twice in any object, valid UTF-8,
// no half surrogate, at most MaxDepth levels, nothing around it. Parsers differ
// in all of these (first or last duplicate wins, encoding/json also folds the
// case of names and mends bad UTF-8; CWE-436), so what the gateway judged would
// not be what the exchange executes.
//
// The wanted fields alias the body and are set only when all of it passed. The
// error is a *JSONError. Cost is O(n log n) for any input; up to 48 open names
// are kept without an allocation.
func ScanJSON(body []byte, want ...Field) error {
	s := scanner{body: body}
	err := s.document(want)
	for _, f := range want {
		*f.Value = nil // also after a fault: nobody must act on half a scan
		if err == nil && f.at.to > 0 {
			*f.Value = body[f.at.from:f.at.to:f.at.to]
		}
	}
	if err != nil {
		return &JSONError{Offset: s.at, Err: err}
	}
	return nil
}

// span is a part of the body: a value, or a name without its quotes.
type span struct{ from, to int }

// scanner walks over the body once. Its methods stop at the first fault, which
// at then points to.
type scanner struct {
	body []byte
	at   int

	// The names of every open object, the innermost last. They lie in room until
	// it is full, then all of them in more: a plain slice of room that grows by
	// append would move room to the heap, one allocation for each body.
	room  [48]span
	more  []span
	count int
}

func (s *scanner) document(want []Field) error {
	if bytes.HasPrefix(s.body, []byte("\xef\xbb\xbf")) {
		return ErrBOM
	}
	s.space()
	if s.peek() != '{' {
		return ErrNotObject
	}
	if err := s.object(1, want); err != nil {
		return err
	}
	s.space()
	if s.at != len(s.body) {
		return ErrTrailing
	}
	return nil
}

// value scans any JSON value inside depth open objects and arrays.
func (s *scanner) value(depth int) error {
	switch s.peek() {
	case '{':
		return s.object(depth+1, nil)
	case '[':
		return s.array(depth + 1)
	case '"':
		_, err := s.text()
		return err
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

// object hands want on to its own members only. Want is an argument because a
// slice in the scanner, beside more, would move to the heap with all it points to.
func (s *scanner) object(depth int, want []Field) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	first := s.count
	s.at++
	s.space()
	for more := !s.take('}'); more; {
		err := s.member(depth, want)
		if err != nil {
			return err
		}
		if more, err = s.next('}'); err != nil {
			return err
		}
	}
	return s.unique(first)
}

func (s *scanner) member(depth int, want []Field) error {
	name, err := s.text()
	if err != nil {
		return err
	}
	s.push(name)
	s.space()
	if !s.take(':') {
		return ErrSyntax
	}
	s.space()
	from := s.at
	if err := s.value(depth); err != nil {
		return err
	}
	s.keep(want, name, span{from, s.at})
	return nil
}

func (s *scanner) array(depth int) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	s.at++
	s.space()
	for more := !s.take(']'); more; {
		err := s.value(depth)
		if err != nil {
			return err
		}
		if more, err = s.next(']'); err != nil {
			return err
		}
	}
	return nil
}

// next reads what follows an element: a comma and more, or the end.
func (s *scanner) next(end byte) (more bool, err error) {
	s.space()
	if s.take(end) {
		return false, nil
	}
	if !s.take(',') {
		return false, ErrSyntax
	}
	s.space()
	return true, nil
}

// unique refuses an object, just closed, that names a member twice. It sorts
// instead of comparing all pairs, which a body of 100,000 short names would
// turn into minutes of work; and it hashes nothing, so no names can be chosen
// to collide.
func (s *scanner) unique(first int) error {
	body, names := s.body, s.names()[first:]
	s.count = first
	if len(names) <= few && !slices.ContainsFunc(names, s.involved) {
		return s.differ(names)
	}
	slices.SortFunc(names, func(a, b span) int { return compareNames(body, a, b) })
	for i := 1; i < len(names); i++ {
		if compareNames(body, names[i-1], names[i]) == 0 {
			s.at = max(names[i-1].from, names[i].from)
			return ErrDuplicate
		}
	}
	return nil
}

// few names, as an order has, are compared in pairs, which is quicker than to
// sort them.
const few = 16

// involved reports whether a name has an escape or a character beyond ASCII: it
// may be equal to one of other bytes.
func (s *scanner) involved(name span) bool {
	for _, c := range s.body[name.from:name.to] {
		if c == '\\' || c >= 0x80 {
			return true
		}
	}
	return false
}

// differ finds two equal names among those that are not involved.
func (s *scanner) differ(names []span) error {
	for i, a := range names {
		for _, b := range names[:i] {
			if a.to-a.from == b.to-b.from && bytes.EqualFold(s.body[a.from:a.to], s.body[b.from:b.to]) {
				s.at = a.from
				return ErrDuplicate
			}
		}
	}
	return nil
}

func (s *scanner) push(name span) {
	if s.more == nil && s.count == len(s.room) {
		s.more = slices.Clone(s.room[:])
	}
	if s.more != nil {
		s.more = append(s.more[:s.count], name)
	} else {
		s.room[s.count] = name
	}
	s.count++
}

func (s *scanner) names() []span {
	if s.more != nil {
		return s.more[:s.count]
	}
	return s.room[:s.count]
}

// keep notes where the value of a wanted member lies.
func (s *scanner) keep(want []Field, name, value span) {
	for i := range want {
		if sameName(s.body, name, want[i].Name) {
			want[i].at = value
		}
	}
}

// peek returns the next byte, 0 at the end; no rule accepts a 0.
func (s *scanner) peek() byte {
	if s.at < len(s.body) {
		return s.body[s.at]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) space() {
	for s.at < len(s.body) && white(s.body[s.at]) {
		s.at++
	}
}

// white is the white space of RFC 8259, section 2, and no other.
func white(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
