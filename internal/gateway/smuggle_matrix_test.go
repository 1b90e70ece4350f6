package gateway_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey"
	"latchkey/identity"
	"latchkey/internal/gateway"
)

// both are a length and a coding in one header, in either order, with a body
// that is right for the one, for the other, or for neither.
func (l *list) both() {
	for _, te := range []string{"chunked", "identity", "gzip", "deflate, chunked", "CHUNKED", "chunked;a=b", "trailers"} {
		for _, cl := range []string{"0", "1", "14", "15", "999"} {
			length, coding := "Content-Length: "+cl, "Transfer-Encoding: "+te
			l.add(400, "CL.TE "+cl+" "+te, chunked(length+"\r\n"+coding))
			l.add(400, "TE.CL "+cl+" "+te, chunked(coding+"\r\n"+length))
		}
	}
}

// chunks are bodies that parsers of chunks cut in different places. None of
// them is looked at.
func (l *list) chunks() {
	for _, body := range []string{
		"e;x=y\r\n{\"side\":\"BUY\"}\r\n0\r\n\r\n", "e;x=\"\r\n\"\r\n{\"side\":\"BUY\"}\r\n0\r\n\r\n", "e;\n{\"side\":\"BUY\"}\r\n0\r\n\r\n",
		"e ;x\r\n{\"side\":\"BUY\"}\r\n0\r\n\r\n", "e\n{\"side\":\"BUY\"}\n0\n\n", "0e\r\n{\"side\":\"BUY\"}\r\n0\r\n\r\n", "E\r\n{\"side\":\"BUY\"}\r\n0\r\n\r\n",
		"+e\r\n{\"side\":\"BUY\"}\r\n0\r\n\r\n", "-1\r\n{\"side\":\"BUY\"}\r\n0\r\n\r\n", "0xe\r\n{\"side\":\"BUY\"}\r\n0\r\n\r\n", "e_0\r\n{\"side\":\"BUY\"}\r\n0\r\n\r\n",
		" e\r\n{\"side\":\"BUY\"}\r\n0\r\n\r\n", "e\r\r\n{\"side\":\"BUY\"}\r\n0\r\n\r\n", "1000000000000000e\r\n{\"side\":\"BUY\"}\r\n0\r\n\r\n", "e\r\n{\"side\":\"BUY\"}0\r\n\r\n",
		"e\r\n{\"side\":\"BUY\"}\r\n00\r\n\r\n", "e\r\n{\"side\":\"BUY\"}\r\n0\r\nX-A: 1\r\n\r\n", "e\r\n{\"side\":\"BUY\"}\r\n0\r\nContent-Length: 5\r\n\r\n",
		"e\r\n{\"side\":\"BUY\"}\r\n0\r\n", "e\r\n{\"side\":\"BUY\"}\r\n0\n\n", "e\r\n{\"side\":\"BUY\"}XX0\r\n\r\n", "\r\ne\r\n{\"side\":\"BUY\"}\r\n0\r\n\r\n", "0\r\n\r\n", "",
	} {
		with := func(line string) func(string) string {
			return func(raw string) string {
				head, _, _ := strings.Cut(instead(line+"\r\n")(raw), "\r\n\r\n")
				return head + "\r\n\r\n" + body
			}
		}
		l.add(411, fmt.Sprintf("chunks %q", body), with("Transfer-Encoding: chunked"))
		l.add(400, fmt.Sprintf("chunks and a length %q", body), with("Transfer-Encoding: chunked\r\nContent-Length: 4"))
	}
}

// replaced puts something in the place of the n-th end of a line.
func replaced(n int, end string) func(string) string {
	return func(raw string) string {
		lines := strings.SplitAfterN(raw, "\r\n", n+2)
		if len(lines) < n+2 {
			return raw // a shorter one, of a fuzzer
		}
		lines[n] = strings.TrimSuffix(lines[n], "\r\n") + end
		return strings.Join(lines, "")
	}
}

// ends are the seven ends of lines of a good request, each spelled wrongly by
// itself.
func (l *list) ends() {
	for n := range 7 {
		for _, end := range []string{"\n", "\r", "\r\r\n", "\n\r", "\r\n\n"} {
			status := 400
			switch {
			case n == 0 && end == "\r\r\n":
				status = 505 // a version that ends in CR
			case n == 6 && end == "\r\n\n":
				continue // the header has ended: white space of the body
			}
			l.add(status, fmt.Sprintf("end %d is %q", n, end), replaced(n, end))
		}
	}
}

// folds are continuations of each header.
func (l *list) folds() {
	for n := 1; n <= 5; n++ {
		for _, more := range []string{" x", "\tchunked", " Transfer-Encoding: chunked", "\tContent-Length: 0", " "} {
			l.add(400, fmt.Sprintf("header %d goes on with %q", n, more), replaced(n, "\r\n"+more+"\r\n"))
		}
	}
}

// strangers are other protocols, and targets of other forms.
func (l *list) strangers() {
	for _, target := range []string{
		"http://gateway", "http://gateway:8081/api/rest/do_my_new_order", "http://user@gateway/api/rest/do_my_new_order", "https://[::1]/api/rest/do_my_new_order",
		"ws://gateway/api/ws", "file:///etc/passwd", "urn:latchkey", "http:/api/rest/do_my_new_order", "//evil/api/rest/do_my_new_order", "///api/rest/do_my_new_order", "?/api/rest/do_my_new_order", ".",
	} {
		l.add(400, "form of "+target, swap("/api/rest/do_my_new_order", target))
	}
	for _, begin := range []string{
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", "PRI * HTTP/1.1\r\nHost: gateway\r\n\r\n", "SM\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00",
		"CONNECT gateway:443 HTTP/1.1\r\nHost: gateway\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: gateway\r\n\r\n", "GET /api/rest/get_candles\r\n", "GET\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c", "\x81\x05hello", "\x15\x03\x01\x00\x02\x02\x28",
		"EHLO gateway\r\n", "*1\r\n$4\r\nPING\r\n", "SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "{\"e\":\"ping\"}\r\n",
	} {
		l.add(400, fmt.Sprintf("before it %q", begin), func(raw string) string { return begin + raw })
	}
	l.add(411, "h2c and chunks", chunked("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\nTransfer-Encoding: chunked"))
	l.add(411, "asked for, and chunks", chunked("Expect: 100-continue\r\nTransfer-Encoding: chunked"))
	l.add(400, "asked for, chunks and a length", chunked("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\nContent-Length: 14"))
	l.add(417, "asked for something else, and a length", line("Expect: 101-switch"))
}

// names are the headers that frame, with one byte that no name may have, in
// front, in the middle and at the end: some servers drop it.
func (l *list) names() {
	for name, value := range map[string]string{"Content-Length": "3", "Transfer-Encoding": "chunked", "Host": "evil"} {
		for _, c := range []string{"\x00", "\x0b", "\x0c", " ", "\t", "\x7f", "\xa0", "\xc2\x85", "\xe2\x80\x8b"} {
			for at, spelled := range []string{c + name, name[:4] + c + name[4:], name + c} {
				if at == 1 && name == "Host" {
					spelled = "Ho" + c + "st"
				}
				l.add(400, fmt.Sprintf("%q", spelled), line(spelled+": "+value))
			}
		}
	}
}

// echo is an exchange that answers with who called and with what it got.
type echo struct {
	*httptest.Server
	mu  sync.Mutex
	got []string
}

func newEcho(t *testing.T, clock func() time.Time) *echo {
	e := &echo{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		caller, bad := identity.Verify([]byte(shared), clock(), identity.Window, r.Header, r.Method, identity.Target(r), body)
		if err != nil || bad != nil {
			t.Errorf("the exchange got %q: %v, %v", body, err, bad)
		}
		said := echoed(caller.Key, identity.Target(r), string(body))
		e.mu.Lock()
		e.got = append(e.got, said)
		e.mu.Unlock()
		fmt.Fprint(w, said)
	}))
	t.Cleanup(e.Close)
	return e
}

func echoed(key, action, body string) string { return key + " " + action + " " + body }

func (e *echo) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	got := e.got
	e.got = nil
	return got
}

// echoing is a rig before that exchange, with points for everybody and further
// keys, each with a secret of its own.
func echoing(t *testing.T, keys ...string) (*rig, *echo) {
	var r *rig
	var e *echo
	r = build(t, func(c *gateway.Config) {
		e = newEcho(t, c.Now)
		u, err := url.Parse(e.URL)
		if err != nil {
			t.Fatal(err)
		}
		c.Upstream, c.Points = u, 1<<30
	})
	for _, id := range keys {
		k := theKey()
		k.ID, k.AccountID = id, "acc_"+id
		r.table.Put(k, secretOf(id))
	}
	return r.start(), e
}

func secretOf(key string) latchkey.Secret { return latchkey.Secret("lks_the secret of " + key) }

// by is a call with another key.
func (c call) by(key, body string) call {
	c.key, c.secret, c.body = key, secretOf(key), body
	return c
}

// pieces sends in a few writes, cut at random places.
func (c client) pieces(dice *rand.Rand, raw string) {
	for len(raw) > 0 {
		n := 1 + dice.IntN(len(raw))
		if _, err := io.WriteString(c.Conn, raw[:n]); err != nil {
			return // refused before its end
		}
		raw = raw[n:]
	}
}

// The attack goes on with the neighbour: the spelling comes on a connection
// that was good before, and somebody else's request goes over the same few
// connections to the exchange right behind it. Neither gets the other's answer.
func TestTheNeighbourIsNeverMixedWithASpelling(t *testing.T) {
	r, e := echoing(t, "lk_two")
	neighbour := r.dial()
	dice := rand.New(rand.NewPCG(1, 1))
	for n, s := range smuggling() {
		r.pass(time.Second)
		before := r.good().on("get_candles")
		before.body = fmt.Sprintf(`{"before":%d}`, n)
		canary := r.good().on("get_my_orders").by("lk_two", fmt.Sprintf(`{"canary":%d}`, n))
		c := r.dial()
		c.pieces(dice, before.raw()+s.edit(r.good().raw())+before.raw())
		neighbour.send(canary.raw())
		first := echoed(keyID, "get_candles", before.body)
		if a := c.receive(); a.body != first {
			t.Fatalf("%s: the request before it is answered by %s", s.name, a.body)
		}
		if a := neighbour.receive(); a.body != echoed("lk_two", "get_my_orders", canary.body) {
			t.Fatalf("%s: the neighbour is answered by %s", s.name, a.body)
		}
		a, want := c.receive(), 2
		if s.status == 0 {
			want = 4
			if a.body != echoed(keyID, "do_my_new_order", `{"side":"BUY"}`) || c.receive().body != first {
				t.Fatalf("%s: answered by %s", s.name, a.body)
			}
		} else if a.StatusCode != s.status {
			t.Fatalf("%s: answered by %d %s, want %d", s.name, a.StatusCode, a.body, s.status)
		} else {
			c.ended()
		}
		_ = c.Close()
		if got := e.take(); len(got) != want {
			t.Fatalf("%s: the exchange got %q, want %d requests", s.name, got, want)
		}
	}
}
