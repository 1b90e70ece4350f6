package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

// readFields are the members that an exchange reads, and the verifier too in
// the comparison: an order's, and those of a message.
var readFields = []string{"pair", "side", "amountCcy1", "price", "clientOrderId", "timestamp", "nonce", "data", "__proto__", "constructor"}

// speller writes JSON that is legal, as no client would.
type speller struct {
	*rand.Rand
	n int // how many bodies were written: each is another one
}

func (s *speller) one(of ...string) string { return of[s.IntN(len(of))] }

// space is white space between tokens (RFC 8259, 2).
func (s *speller) space() string {
	if s.IntN(3) > 0 {
		return ""
	}
	return s.one(" ", "\n", "\r\n", "\t", "  \n\t ")
}

// runes are characters that some parser, or some line of a protocol, treats in
// its own way.
var runes = []rune("aZ09 -_.:/\\\"{}[],'<>&%;=+\x7f\u00a0\u00e9\u0131\u017f\u212a\u2028\u2029\ufeff\ufffd\ufffe\u202e\u0000\u0001\b\f\n\r\t\u001b\U0001f511\U0010ffff\U00010000")

// text is a JSON string of those characters; every one is written as it stands,
// if it may be, or in one of its escapes.
func (s *speller) text(runes []rune) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range runes {
		short, has := map[rune]string{'"': `\"`, '\\': `\\`, '/': `\/`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}[r]
		switch {
		case has && s.IntN(2) == 0:
			out.WriteString(short)
		case r < ' ' || r == '"' || r == '\\' || s.IntN(6) == 0:
			out.WriteString(s.escape(r))
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// escape is \uXXXX, in either case, for a high character in two.
func (s *speller) escape(r rune) string {
	format := s.one(`\u%04x`, `\u%04X`)
	if r < 0x10000 {
		return fmt.Sprintf(format, r)
	}
	r -= 0x10000
	return fmt.Sprintf(format, 0xd800+r>>10) + fmt.Sprintf(format, 0xdc00+r&0x3ff)
}

func (s *speller) name(text string) string { return s.text([]rune(text)) }

func (s *speller) odd() string {
	var out []rune
	for range s.IntN(12) {
		out = append(out, runes[s.IntN(len(runes))])
	}
	return s.text(out)
}

// number is any by the grammar of RFC 8259, 6.
func (s *speller) number() string {
	out := s.one("", "-") + s.one("0", "7", "10", "1700000000", "9007199254740993", "123456789012345678901234567890")
	if s.IntN(2) == 0 {
		out += s.one(".0", ".10", ".000000000000000000001", ".3333333333333333333333")
	}
	if s.IntN(3) == 0 {
		out += s.one("e", "E") + s.one("", "+", "-") + s.one("0", "007", "5", "21", "270")
	}
	return out
}

func (s *speller) value(depth int) string {
	switch n := s.IntN(10); {
	case n < 3:
		return s.odd()
	case n < 5:
		return s.number()
	case n == 5:
		return s.one("true", "false", "null")
	case n == 6 || depth > 5:
		return s.name(s.one("BTC-USD", "0.01", "BUY", "1e-8"))
	case n < 8:
		return s.array(depth + 1)
	}
	return s.object(depth + 1)
}

func (s *speller) array(depth int) string {
	out := "[" + s.space()
	for i := range s.IntN(4) {
		if i > 0 {
			out += s.space() + "," + s.space()
		}
		out += s.value(depth)
	}
	return out + s.space() + "]"
}

// object has some of the fields that are read, in any order, and others; inside
// of it they may stand again.
func (s *speller) object(depth int, first ...string) string {
	members := append([]string(nil), first...)
	for _, name := range readFields {
		if s.IntN(3) == 0 && !(depth == 1 && name == "nonce") {
			members = append(members, s.name(name)+s.space()+":"+s.space()+s.value(depth))
		}
	}
	for i := range s.IntN(3) { // a look-alike of no field, whatever the case
		name := fmt.Sprint("x", i, s.one("", "é", "\x00", "🔑", "amountCcy1", "pair "))
		members = append(members, s.name(name)+s.space()+":"+s.space()+s.value(depth))
	}
	s.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return "{" + s.space() + strings.Join(members, s.space()+","+s.space()) + s.space() + "}"
}

// body is one object that was not written before.
func (s *speller) body() string {
	s.n++
	body := s.space() + s.object(1, s.name("nonce")+":"+fmt.Sprint(s.n)) + s.space()
	if !utf8.ValidString(body) {
		panic("the speller cannot spell: " + body)
	}
	return body
}

// header writes a header line in some case, with white space that means nothing.
func (s *speller) header(name, value string) string {
	spelled := []byte(name)
	for i, c := range spelled {
		if lower := c | 0x20; lower >= 'a' && lower <= 'z' && s.IntN(3) == 0 {
			spelled[i] = c ^ 0x20
		}
	}
	return string(spelled) + ":" + s.one("", " ", "\t", "  ") + value + s.one("", "", " ", "\t")
}

// request puts a call on the wire, its headers in any order, with more.
func (s *speller) request(method, target string, body string, lines ...string) string {
	lines = append(lines, s.header("Host", s.one("gateway", "gateway:8081", "[::1]:1")))
	if method == "POST" || body != "" {
		lines = append(lines, s.header("Content-Length", fmt.Sprint(len(body))))
	}
	for range s.IntN(3) {
		lines = append(lines, s.one("Accept: */*", "content-type: text/plain; charset=utf-16", "Connection: keep-alive", "X-A:", "Cookie: a=1; b", "Accept-Encoding: gzip",
			"TE: trailers", "Latchkey-Key: lk_evil", "latchkey_account: acc_evil", "X-HTTP-Method-Override: GET", "Content-Encoding: gzip", "X-Forwarded-For: 192.0.2.1"))
	}
	s.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return method + " " + target + " HTTP/1.1\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n" + body
}

// query is one that url.ParseQuery takes; servers read some of them differently.
func (s *speller) query() string {
	var parts []string
	for range 1 + s.IntN(4) {
		parts = append(parts, s.one("pair=BTC-USD", "pair=BTC%2DUSD", "a=", "=b", "a", "", "a=b=c", "x=%7e%7E", "y=a+b%20c", "z=%c3%a9", "q=%00", "%61=1", "a/b?c", "w='(!)*'"))
	}
	return strings.Join(parts, "&")
}
