package gateway

import (
	"bytes"
	"strings"
)

// What the guard answers. Each says what to change.
var (
	noLine      = because(400, codeBadRequest, "The request line must be METHOD /path HTTP/1.1, with single spaces")
	noTarget    = because(400, codeBadRequest, "The request target must be a plain path like /api/rest/get_my_orders")
	noVersion   = because(505, codeBadRequest, "Speak HTTP/1.1")
	noCRLF      = because(400, codeBadRequest, "Every line of the header ends in CR LF, and neither stands alone")
	noFold      = because(400, codeBadRequest, "A header line must not begin with a space or tab")
	noName      = because(400, codeBadRequest, "A header line is a name of letters, digits and -, a colon right behind it, and a value")
	noValue     = because(400, codeBadRequest, "A header value holds a control character")
	noHost      = because(400, codeBadRequest, "Send exactly one Host header")
	noLength    = because(400, codeBadRequest, "Send at most one Content-Length header, with decimal digits only")
	noBoth      = because(400, codeBadRequest, "Transfer-Encoding and Content-Length exclude each other")
	noChunks    = because(411, codeBadRequest, "Send the body with a Content-Length; Transfer-Encoding is not supported")
	noTrailer   = because(400, codeBadRequest, "Trailer belongs to a chunked body, which is not supported")
	noExpect    = because(417, codeBadRequest, "The only expectation that is supported is 100-continue")
	noEnd       = because(400, codeBadRequest, "The connection ended in the middle of the request")
	noHeadTime  = because(408, codeBadRequest, "The header did not arrive in time")
	noBodyTime  = because(408, codeBadRequest, "The body did not arrive in time")
	noHeadRoom  = because(431, codeTooLarge, "The header is too large")
	noBodyRoom  = because(413, codeTooLarge, "The body is too large")
	noBodyNow   = because(503, codeUnavailable, "There are too many large bodies at the moment; the request was not executed, send it again")
	noMoreNames = because(431, codeTooLarge, "There are more than 100 headers")
)

// No client of the protocol sends more than a dozen headers.
const (
	maxHeaders = 100
	maxMethod  = 32
)

// endOfHead looks for the end of a request's header in b, from the byte on
// that scanned points to; size is 0 while it has not arrived. Lines that do not
// end in CR LF are refused as soon as they are seen: where one parser sees the
// end of a header in them, another does not (CWE-444). So is a first byte that
// begins no method, which is what a TLS handshake or a PROXY header looks like.
func endOfHead(b []byte, scanned *int) (size int, no *refusal) {
	if len(b) > 0 && !tchar[b[0]] {
		return 0, noLine
	}
	// One pass over the bytes however they arrive: scanned keeps the place.
	for {
		n := bytes.IndexByte(b[*scanned:], '\n')
		if n < 0 {
			*scanned = len(b)
			return 0, nil
		}
		at := *scanned + n
		if at == 0 || b[at-1] != '\r' {
			return 0, noCRLF
		}
		*scanned = at + 1
		if at >= 3 && b[at-2] == '\n' {
			return at + 1, nil
		}
	}
}

// framing is what the headers say about the body.
type framing struct {
	hosts   int
	lengths int
	length  int
	coded   bool // Transfer-Encoding
	waits   bool // Expect: 100-continue
}

// checkHead accepts a header, ended by an empty line, in the grammar of RFC
// 9112 and RFC 9110 without the liberties that they allow, and returns the
// length of the body and whether the client waits to be asked for it. What is
// accepted has one reading in every parser.
func checkHead(b []byte, maxBody int) (body int, waits bool, no *refusal) {
	line, rest := cutLine(b[:len(b)-2])
	if no := checkLine(line); no != nil {
		return 0, false, no
	}
	var f framing
	for n := 0; len(rest) > 0; n++ {
		if n == maxHeaders {
			return 0, false, noMoreNames
		}
		line, rest = cutLine(rest)
		if no := f.header(line); no != nil {
			return 0, false, no
		}
	}
	switch {
	case f.hosts != 1:
		return 0, false, noHost
	// RFC 9112, 6.1: a request with both is an attempt at smuggling.
	case f.coded && f.lengths > 0:
		return 0, false, noBoth
	// RFC 9112, 6.3 lets a server ask for a length. Without chunks there is one
	// kind of framing, and no client of the protocol sends them.
	case f.coded:
		return 0, false, noChunks
	case f.length > maxBody:
		return 0, false, noBodyRoom
	}
	return f.length, f.waits, nil
}

// cutLine takes the first line off. Every line ends in CR LF here: endOfHead saw
// to that.
func cutLine(b []byte) (line, rest []byte) {
	n := bytes.IndexByte(b, '\n')
	return b[:n-1], b[n+1:]
}

// checkLine checks METHOD SP origin-form SP HTTP-version.
func checkLine(line []byte) *refusal {
	method, rest, _ := bytes.Cut(line, []byte(" "))
	target, version, found := bytes.Cut(rest, []byte(" "))
	switch {
	case !found || len(method) > maxMethod || !all(method, &tchar) || bytes.IndexByte(version, ' ') >= 0:
		return noLine
	case !originForm(target):
		return noTarget
	case string(version) != "HTTP/1.1" && string(version) != "HTTP/1.0":
		return noVersion
	}
	return nil
}

// originForm accepts an absolute path and perhaps a query (RFC 9112, 3.2.1). A
// path that begins with two slashes would be a host to some parsers; a broken
// percent escape has no meaning to agree on.
func originForm(target []byte) bool {
	if len(target) == 0 || target[0] != '/' || len(target) > 1 && target[1] == '/' {
		return false
	}
	for i, c := range target {
		switch {
		case c == '%' && (i+2 >= len(target) || !hex[target[i+1]] || !hex[target[i+2]]):
			return false
		case !pchar[c] && c != '/' && c != '?':
			return false
		}
	}
	return true
}

// header checks one line and notes what it says about the framing.
func (f *framing) header(line []byte) *refusal {
	// Line folding is obsolete (RFC 9112, 5.2), and parsers differ in what it means.
	if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
		return noFold
	}
	// No white space between name and colon (RFC 9112, 5.1): a space is no tchar.
	name, value, found := bytes.Cut(line, []byte(":"))
	if !found || !all(name, &tchar) {
		return noName
	}
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return noValue
		}
	}
	switch len(name) {
	case len("host"), len("expect"), len("trailer"), len("content-length"), len("transfer-encoding"):
		return f.note(name, bytes.Trim(value, " \t"))
	}
	return nil
}

// note looks at the headers that frame a request. A name with _ where they have
// - is refused, not skipped: there are servers that take it for the same.
func (f *framing) note(name, value []byte) *refusal {
	switch {
	case like(name, "host"):
		f.hosts++
		if !exact(name, "host") || !all(value, &hostchar) {
			return noHost
		}
	case like(name, "content-length"):
		f.lengths++
		if !exact(name, "content-length") || f.lengths > 1 || !f.digits(value) {
			return noLength
		}
	// Any coding, also one that means nothing: whether it frames the body is
	// just what parsers disagree about.
	case like(name, "transfer-encoding"):
		f.coded = true
	case like(name, "trailer"):
		return noTrailer
	case like(name, "expect"):
		if !exact(value, "100-continue") {
			return noExpect
		}
		f.waits = true
	}
	return nil
}

// digits reads a length: no sign, no list, no leading zero, at most 9 digits.
func (f *framing) digits(value []byte) bool {
	if len(value) == 0 || len(value) > 9 || len(value) > 1 && value[0] == '0' {
		return false
	}
	for _, c := range value {
		if c < '0' || c > '9' {
			return false
		}
		f.length = 10*f.length + int(c-'0')
	}
	return true
}

// exact compares without regard to case.
func exact(name []byte, want string) bool {
	return len(name) == len(want) && strings.EqualFold(string(name), want)
}

// like is exact, with _ taken for -.
func like(name []byte, want string) bool {
	if len(name) != len(want) {
		return false
	}
	for i, c := range name {
		if c == '_' {
			c = '-'
		}
		if c|0x20 != want[i]|0x20 {
			return false
		}
	}
	return true
}

// class is a set of bytes.
type class [256]bool

// Character classes of RFC 9110, 5.6.2 (token) and RFC 3986 (pchar, host).
var (
	tchar    = classOf(alnum + "!#$%&'*+-.^_`|~")
	pchar    = classOf(alnum + "-._~!$&'()*+,;=:@%")
	hostchar = classOf(alnum + "-._~!$&'()*+,;=:[]")
	hex      = classOf("0123456789abcdefABCDEF")
)

const alnum = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func classOf(members string) class {
	var c class
	for _, b := range []byte(members) {
		c[b] = true
	}
	return c
}

// all reports whether b is one byte or more of the class.
func all(b []byte, c *class) bool {
	for _, x := range b {
		if !c[x] {
			return false
		}
	}
	return len(b) > 0
}
