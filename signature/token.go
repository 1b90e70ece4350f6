package signature

import (
	"bytes"
	"cmp"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// PlainString returns the text of a raw JSON string that holds no escape. For
// anything else ok is false: key ids, signatures and names of actions never
// need an escape, and without one their text has a single spelling.
func PlainString(raw []byte) (text []byte, ok bool) {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return nil, false
	}
	text = raw[1 : len(raw)-1]
	return text, bytes.IndexByte(text, '\\') < 0 && bytes.IndexByte(text, '"') < 0
}

// text scans a string and returns where its content lies.
func (s *scanner) text() (span, error) {
	if !s.take('"') {
		return span{}, ErrSyntax
	}
	from := s.at
	for {
		s.at += plain(s.body[s.at:])
		if s.at == len(s.body) {
			return span{}, ErrSyntax
		}
		c := s.body[s.at]
		if c == '"' {
			s.at++
			return span{from, s.at - 1}, nil
		}
		if err := s.char(c); err != nil {
			return span{}, err
		}
	}
}

// plain returns how many bytes of a string are nothing but themselves, which in
// an order is nearly all of it.
func plain(b []byte) int {
	for i, c := range b {
		if c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return i
		}
	}
	return len(b)
}

// char scans one character of a string that is not plain, which begins with c.
func (s *scanner) char(c byte) error {
	switch {
	case c == '\\':
		_, size, err := unescape(s.body[s.at:])
		s.at += size
		return err
	case c < ' ':
		return ErrSyntax // RFC 8259, section 7: control characters are escaped
	}
	// Go's decoder refuses overlong forms and encoded surrogates as well.
	r, size := utf8.DecodeRune(s.body[s.at:])
	if r == utf8.RuneError && size == 1 {
		return ErrUTF8
	}
	s.at += size
	return nil
}

// word scans true, false or null.
func (s *scanner) word(word string) error {
	rest := s.body[s.at:]
	if len(rest) < len(word) || string(rest[:len(word)]) != word {
		return ErrSyntax
	}
	s.at += len(word)
	return nil
}

// number scans a number by the grammar of RFC 8259, section 6. Its size is not
// judged: money is a string in this protocol.
func (s *scanner) number() error {
	s.take('-')
	if !s.take('0') && !s.digits() {
		return ErrSyntax
	}
	if s.take('.') && !s.digits() {
		return ErrSyntax
	}
	if s.take('e') || s.take('E') {
		if !s.take('+') {
			s.take('-')
		}
		if !s.digits() {
			return ErrSyntax
		}
	}
	return nil
}

// digits takes one digit or more.
func (s *scanner) digits() bool {
	from := s.at
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at > from
}

// shortEscapes maps the letter of a two-character escape to what it stands for.
var shortEscapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// unescape reads the escape that p begins with and returns how many bytes it
// takes; size is 0 with an error. A surrogate pair is one escape of 12 bytes.
func unescape(p []byte) (r rune, size int, err error) {
	if len(p) >= 2 && shortEscapes[p[1]] != 0 {
		return rune(shortEscapes[p[1]]), 2, nil
	}
	r, ok := hexEscape(p)
	switch {
	case !ok:
		return 0, 0, ErrSyntax
	case !utf16.IsSurrogate(r):
		return r, 6, nil
	}
	low, _ := hexEscape(p[6:])
	if r = utf16.DecodeRune(r, low); r == unicode.ReplacementChar {
		return 0, 0, ErrSurrogate
	}
	return r, 12, nil
}

// hexEscape reads \uXXXX.
func hexEscape(p []byte) (r rune, ok bool) {
	if len(p) < 6 || p[0] != '\\' || p[1] != 'u' {
		return 0, false
	}
	for _, c := range p[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// pop takes the first character of a scanned name, unescaped.
func pop(body []byte, name *span) rune {
	var r rune
	var size int
	switch c := body[name.from]; {
	case c == '\\':
		r, size, _ = unescape(body[name.from:name.to])
	case c < utf8.RuneSelf:
		r, size = rune(c), 1
	default:
		r, size = utf8.DecodeRune(body[name.from:name.to])
	}
	name.from += size
	return r
}

// compareNames orders scanned names; 0 means that some parser takes them for
// the same member.
func compareNames(body []byte, a, b span) int {
	for a.from < a.to && b.from < b.to {
		if x, y := fold(pop(body, &a)), fold(pop(body, &b)); x != y {
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(a.to-a.from, b.to-b.from)
}

// fold returns the smallest character that differs from r in case only, as
// encoding/json does to match names: K, k and the Kelvin sign are one.
func fold(r rune) rune {
	if r < utf8.RuneSelf {
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}

// sameName compares a scanned name with plain text, in exact case.
func sameName(body []byte, name span, text string) bool {
	for _, r := range text {
		if name.from == name.to || pop(body, &name) != r {
			return false
		}
	}
	return name.from == name.to
}
