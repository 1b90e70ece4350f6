package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/internal/gateway"
)

// spelled is one way to write a request that some parser reads in another way
// than another parser does. Edit changes a good request; the answer must have
// the status, and 0 stands for a request that is fine.
type spelled struct {
	name   string
	status int
	edit   func(raw string) string
}

// swap replaces the first occurrence.
func swap(old, new string) func(string) string {
	return func(raw string) string { return strings.Replace(raw, old, new, 1) }
}

// line puts a header line in front of the others.
func line(l string) func(string) string { return swap("Host: ", l+"\r\nHost: ") }

// instead replaces the Content-Length line.
func instead(l string) func(string) string {
	return func(raw string) string {
		from := strings.Index(raw, "Content-Length")
		to := from + strings.Index(raw[from:], "\r\n") + 2
		return raw[:from] + l + raw[to:]
	}
}

// chunked replaces length and body by that header and a chunked body, which
// hides a request in what a parser that goes by the length does not see.
func chunked(l string) func(string) string {
	return func(raw string) string {
		head, _, _ := strings.Cut(instead(l+"\r\n")(raw), "\r\n\r\n")
		return head + "\r\n\r\ne\r\n{\"side\":\"BUY\"}\r\n0\r\n\r\n"
	}
}

// list collects spellings.
type list []spelled

func (l *list) add(status int, name string, edit func(string) string) {
	*l = append(*l, spelled{name, status, edit})
}

func smuggling() []spelled {
	var l list
	l.codings()
	l.lengths()
	l.lines()
	l.requests()
	l.hosts()
	l.sizes()
	l.harmless()
	l.both()
	l.chunks()
	l.ends()
	l.folds()
	l.strangers()
	l.names()
	return l
}

// codings are Transfer-Encoding, alone and with a length, in every dress.
func (l *list) codings() {
	for _, value := range []string{"chunked", "Chunked", "identity", "gzip, chunked", "chunked, identity", "chunked, chunked", "x", "", "chunked;q=1", `"chunked"`, "chunked,", ",chunked", "xchunked"} {
		l.add(411, "TE "+value, chunked("Transfer-Encoding: "+value))
		l.add(400, "CL and TE "+value, line("Transfer-Encoding: "+value))
	}
	for _, name := range []string{"transfer-encoding:", "TRANSFER-ENCODING:", "Transfer-encoding:\t", "Transfer-Encoding:", "Transfer_Encoding: ", "transfer_encoding:"} {
		l.add(411, "name "+name, chunked(name+"chunked"))
		l.add(400, "CL and name "+name, line(name+"chunked"))
	}
	for _, text := range []string{"Transfer-Encoding : chunked", " Transfer-Encoding: chunked", "\tTransfer-Encoding: chunked", "Transfer-Encoding\t: chunked", "Transfer Encoding: chunked", "Transfer-Encoding\x0b: chunked", "\x00Transfer-Encoding: chunked", "Transfer-Encoding: chunked\x00", "Transfer-Encoding: \x0bchunked", "Transfer-Encoding:\r\n chunked", "X: 1\nTransfer-Encoding: chunked", "X: 1\rTransfer-Encoding: chunked", "Transfer-Encoding\x80: chunked", ":Transfer-Encoding: chunked", "(Transfer-Encoding): chunked"} {
		l.add(400, fmt.Sprintf("%q", text), line(text))
		l.add(400, fmt.Sprintf("%q alone", text), chunked(text))
	}
	l.add(400, "Trailer", line("Trailer: X-A"))
	l.add(400, "Trailer of the length", line("trailer: Content-Length"))
	l.add(411, "TE twice", chunked("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"))
}

// lengths are what a Content-Length can be called and hold.
func (l *list) lengths() {
	for _, value := range []string{"+14", "-14", "0x0e", "14,14", "14, 14", "14 14", "", "014", "14.0", "1.4e1", "١٤", "9999999999", "18446744073709551630", "14\x00", "\x0b14", "14;", "abc", "14\x0c", "0014", "1_4", "14\xa0", "14\r", "'14'"} {
		l.add(400, fmt.Sprintf("CL %q", value), instead("Content-Length: "+value+"\r\n"))
	}
	for _, name := range []string{"Content_Length: ", "content_length:", "Content-Length : ", " Content-Length: ", "Content-Length\t: ", "Content Length: ", "Content-Length\x00: ", "Content-Length\x0b: "} {
		l.add(400, fmt.Sprintf("CL name %q", name), instead(name+"14\r\n"))
		l.add(400, fmt.Sprintf("and CL name %q", name), line(name+"14"))
	}
	l.add(400, "CL twice, equal", line("Content-Length: 14"))
	l.add(400, "CL twice, unequal", line("Content-Length: 0"))
	l.add(400, "CL twice, other case", line("content-LENGTH: 14"))
	l.add(413, "CL 999999999", instead("Content-Length: 999999999\r\n"))
	l.add(413, "CL above the bound", instead("Content-Length: 1048577\r\n"))
}

// lines are line ends, folds, names and control characters.
func (l *list) lines() {
	l.add(400, "LF only", func(raw string) string { return strings.ReplaceAll(raw, "\r\n", "\n") })
	l.add(400, "LF after the request line", swap("HTTP/1.1\r\n", "HTTP/1.1\n"))
	l.add(400, "LF after a header", swap("Host: gateway\r\n", "Host: gateway\n"))
	l.add(400, "LF for the empty line", swap("\r\n\r\n", "\r\n\n"))
	l.add(400, "LF CR", swap("Host: gateway\r\n", "Host: gateway\n\r"))
	l.add(400, "CR CR LF", swap("Host: gateway\r\n", "Host: gateway\r\r\n"))
	l.add(400, "CR only", swap("Host: gateway\r\n", "Host: gateway\r"))
	l.add(400, "empty line first", func(raw string) string { return "\r\n" + raw })
	l.add(400, "LF first", func(raw string) string { return "\n" + raw })
	l.add(400, "space first", func(raw string) string { return " " + raw })
	l.add(400, "folded with a space", line("X-A: 1\r\n 2"))
	l.add(400, "folded with a tab", line("X-A: 1\r\n\t2"))
	l.add(400, "first line folded", swap("Host:", " X-A: 1\r\nHost:"))
	l.add(400, "line of a space", line(" "))
	l.add(400, "line without a colon", line("X-A"))
	l.add(400, "line of a colon", line(":"))
	l.add(400, "name is missing", line(": x"))
	for _, c := range []string{"\x00", "\x01", "\x08", "\x0b", "\x0c", "\x0e", "\x1b", "\x1f", "\x7f", "\r"} {
		l.add(400, fmt.Sprintf("%q in a value", c), line("X-A: a"+c+"b"))
		l.add(400, fmt.Sprintf("%q in a name", c), line("X"+c+"A: ab"))
		l.add(400, fmt.Sprintf("%q in the target", c), swap("/api", "/a"+c+"pi"))
		l.add(400, fmt.Sprintf("%q in the method", c), swap("POST", "PO"+c+"ST"))
	}
	for _, name := range []string{"X A", "X-A ", "X-A\t", "X(A)", "X/A", "X@A", "X[A", "X{A", "X\"A", "X,A", "X;A", "X=A", "X?A", "X\\A", "Xé", "\xff"} {
		l.add(400, fmt.Sprintf("name %q", name), line(name+": 1"))
	}
}

// requests are request lines.
func (l *list) requests() {
	for _, text := range []string{"POST  /p HTTP/1.1", "POST /p  HTTP/1.1", "POST\t/p HTTP/1.1", "POST /p\tHTTP/1.1", "POST /p HTTP/1.1 ", " POST /p HTTP/1.1", "POST /p", "POST", "", "POST /p HTTP/1.1 x", "POST /p x HTTP/1.1", "/p HTTP/1.1", "POST HTTP/1.1", "P(ST /p HTTP/1.1", "P\"ST /p HTTP/1.1", strings.Repeat("P", 33) + " /p HTTP/1.1"} {
		l.add(400, fmt.Sprintf("line %q", text), swap("POST /api/rest/do_my_new_order HTTP/1.1", strings.Replace(text, "/p", "/api/rest/do_my_new_order", 1)))
	}
	for _, version := range []string{"HTTP/0.9", "HTTP/1.2", "HTTP/1", "HTTP/1.", "HTTP/2.0", "HTTP/2", "HTTP/3", "http/1.1", "HTTP/1.1x", "HTTP/01.1", "HTTP/1.10", "HTTP/1,1", "HTTPS/1.1", "HTCPCP/1.0", "1.1"} {
		l.add(505, version, swap("HTTP/1.1", version))
	}
	for _, target := range []string{"http://gateway/api/rest/do_my_new_order", "https://gateway/api/rest/do_my_new_order", "HTTP://evil/api/rest/do_my_new_order", "gateway:443", "*", "api/rest/do_my_new_order", "//gateway/api/rest/do_my_new_order", `\api\rest\do_my_new_order`, "/api/rest/do_my_new_order#x", "/api/rest/do_my_new_ord\xc3\xa9r", "/api/rest/do_my_new_order%", "/api/rest/do_my_new_order%2", "/api/rest/do_my_new_order%zz", `/api/rest/"do_my_new_order"`, "/api/rest/<do_my_new_order>", "/api/rest/do_my_new_order|x", "/api/rest/do_my_new_order^", "/api/rest/{do_my_new_order}", "/api/rest/do_my_new_order[1]", "?x", "#", "@gateway/api"} {
		l.add(400, "target "+target, swap("/api/rest/do_my_new_order", target))
	}
	l.add(400, "preface of HTTP/2", func(raw string) string { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + raw })
	l.add(400, "TLS", func(raw string) string { return "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + raw })
}

// hosts are what stands in for one good Host.
func (l *list) hosts() {
	l.add(400, "no Host", swap("Host: gateway\r\n", ""))
	l.add(400, "two Hosts", line("Host: gateway"))
	l.add(400, "two Hosts, other case", line("hOST: evil"))
	l.add(400, "a look-alike of Host", line("HOS_T: evil\r\nHost : evil"))
	for _, host := range []string{"", " ", "gate way", "gateway/x", "user@gateway", "gate\"way", "gateway\\x", "gateway#", "gateway?x", "gate\xffway"} {
		l.add(400, fmt.Sprintf("Host %q", host), swap("Host: gateway", "Host: "+host))
	}
}

// sizes are expectations, and what is too large.
func (l *list) sizes() {
	for _, value := range []string{"200-ok", "100-continue, x", "", "100 continue", "100-continue;x"} {
		l.add(417, "Expect "+value, line("Expect: "+value))
	}
	l.add(431, "a header of 17 KiB", line("X-A: "+strings.Repeat("a", 17<<10)))
	l.add(431, "a target of 17 KiB", swap("/api", "/"+strings.Repeat("a", 17<<10)))
	l.add(431, "101 headers", line(strings.Repeat("X-A: 1\r\n", 96)+"X-B: 2"))
}

// harmless are odd, but have one reading.
func (l *list) harmless() {
	l.add(0, "as it is", swap("", ""))
	l.add(0, "lower case", swap("Host", "host"))
	l.add(0, "upper case", swap("Content-Length", "CONTENT-LENGTH"))
	l.add(0, "no space behind the colon", swap("Host: ", "Host:"))
	l.add(0, "white space around a value", swap("Host: gateway", "Host: \t gateway\t "))
	l.add(0, "empty value", line("X-A:"))
	l.add(0, "high bytes in a value", line("X-A: \xc3\xa9\xff"))
	l.add(0, "every tchar in a name", line("!#$%&'*+-.^_`|~09azAZ: 1"))
	l.add(0, "Connection names the length", line("Connection: Content-Length"))
	l.add(0, "Connection names the credentials", line("Connection: X-AGGR-KEY, Latchkey-Key"))
	l.add(0, "TE", line("TE: trailers"))
	l.add(0, "Upgrade", line("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"))
	l.add(0, "99 headers", line(strings.Repeat("X-A: 1\r\n", 93)+"X-B: 2"))
	l.add(0, "a port in the Host", swap("Host: gateway", "Host: gateway:8081"))
	l.add(0, "an IPv6 Host", swap("Host: gateway", "Host: [::1]:8081"))
}

// Fault 12. Somebody hides a second request in the first: one parser goes by
// Content-Length, another by Transfer-Encoding, a third ends lines at a bare LF
// (CWE-444). Every odd spelling is either refused, together with everything
// behind it on the connection, or read as exactly one request. The canary that
// follows is never mixed with it.
func TestNoSpellingSmugglesARequest(t *testing.T) {
	r := newRig(t)
	cases := smuggling()
	if len(cases) < 500 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, s := range cases {
		r.pass(1e9) // another timestamp, another signature
		t.Run(s.name, func(t *testing.T) {
			defer r.during(t)()
			c := r.dial()
			defer c.Close()
			c.send(s.edit(r.good().raw()) + r.good().on("get_candles").raw())
			a := c.receive()
			if s.status != 0 {
				r.is(a, s.status, a.Code, "")
				if c.ended(); a.Code != "bad_request" && a.Code != "too_large" {
					t.Errorf("code %q", a.Code)
				}
				if got := r.exchange.take(); len(got) > 0 {
					t.Errorf("the exchange got %+v", got)
				}
				return
			}
			r.is(a, 200, "", "")
			if canary := c.receive(); canary.body != `{"ok":"ok","data":"get_candles"}` {
				t.Errorf("the canary's answer is %d %s", canary.StatusCode, canary.body)
			}
			if got := r.exchange.take(); len(got) != 2 || got[0].body != `{"side":"BUY"}` || got[0].err != nil || got[1].err != nil {
				t.Errorf("the exchange got %+v", got)
			}
			r.pass(60e9)
		})
	}
}

// The twin: without the guard, the parser behind it takes some of the spellings.
func TestTheGuardMatters(t *testing.T) {
	r := build(t)
	r.gateway.Off(gateway.GuardBytes)
	r.start()
	through := 0
	for _, s := range smuggling() {
		if s.status == 0 {
			continue
		}
		r.pass(60e9)
		c := r.dial()
		c.send(s.edit(r.good().raw()))
		if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite() // or the parser waits for more
		}
		if first, err := c.ReadString('\n'); err == nil && strings.Contains(first, " 200 ") {
			through++
		}
		_ = c.Close()
	}
	if through < 20 {
		t.Errorf("with the guard switched off only %d spellings get through", through)
	}
}
