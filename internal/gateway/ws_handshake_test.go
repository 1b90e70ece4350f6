package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/internal/gateway"
)

// Fault 15. A page that somebody lures the bot's owner to opens a session from
// inside the owner's network (CWE-1385); or a handshake is written so that a
// proxy takes it for something else. Each one that is refused is a REST-like
// answer, and the connection can be used on.
func TestAHandshakeThatIsRefused(t *testing.T) {
	r := newRig(t, func(c *gateway.Config) { c.Origins = []string{"https://good.example"} })
	good := fmt.Sprintf(handshake, "/api/ws")
	edit := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the handshake", old)
		}
		return strings.Replace(good, old, with, 1)
	}
	add := func(line string) string { return edit("\r\n\r\n", "\r\n"+line+"\r\n\r\n") }
	const key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
	for name, c := range map[string]struct {
		raw    string
		status int
		code   string
	}{
		"no upgrade":            {edit("Upgrade: websocket\r\n", ""), 426, "bad_request"},
		"upgrade to h2c":        {edit("Upgrade: websocket", "Upgrade: h2c"), 426, "bad_request"},
		"no connection":         {edit("Connection: Upgrade\r\n", ""), 426, "bad_request"},
		"connection keep-alive": {edit("Connection: Upgrade", "Connection: keep-alive"), 426, "bad_request"},
		"version 12":            {edit("Version: 13", "Version: 12"), 426, "bad_request"},
		"version 13, 8":         {edit("Version: 13", "Version: 13, 8"), 426, "bad_request"},
		"two versions":          {add("Sec-WebSocket-Version: 13"), 426, "bad_request"},
		"no version":            {edit("Sec-WebSocket-Version: 13\r\n", ""), 426, "bad_request"},
		"plain GET":             {"GET /api/ws HTTP/1.1\r\nHost: g\r\n\r\n", 426, "bad_request"},
		"public, plain GET":     {"GET /api/ws-public HTTP/1.1\r\nHost: g\r\n\r\n", 426, "bad_request"},
		"no key":                {edit(key+"\r\n", ""), 400, "bad_request"},
		"short key":             {edit(key, "Sec-WebSocket-Key: dGhlIHNhbXBsZQ=="), 400, "bad_request"},
		"key is no base64":      {edit(key, "Sec-WebSocket-Key: ????"), 400, "bad_request"},
		"two keys":              {add(key), 400, "bad_request"},
		"query":                 {edit("/api/ws ", "/api/ws?key=lk_one "), 400, "bad_request"},
		"empty query":           {edit("/api/ws ", "/api/ws? "), 400, "bad_request"},
		"body":                  {add("Content-Length: 2") + "{}", 400, "bad_request"},
		"POST":                  {edit("GET", "POST"), 405, "bad_request"},
		"PUT":                   {edit("GET", "PUT"), 405, "bad_request"},
		"POST with a body":      {strings.Replace(add("Content-Length: 2"), "GET", "POST", 1) + "{}", 405, "bad_request"},
		"page":                  {add("Origin: https://evil.example"), 403, "origin_not_allowed"},
		"page of nowhere":       {add("Origin: null"), 403, "origin_not_allowed"},
		"empty origin":          {add("Origin:"), 403, "origin_not_allowed"},
		"origin with a port":    {add("Origin: https://good.example:8443"), 403, "origin_not_allowed"},
		"origin without TLS":    {add("Origin: http://good.example"), 403, "origin_not_allowed"},
		"origin of a neighbour": {add("Origin: https://good.example.evil.example"), 403, "origin_not_allowed"},
		"two origins":           {add("Origin: https://good.example\r\nOrigin: https://good.example"), 403, "origin_not_allowed"},
		"slash":                 {edit("/api/ws ", "/api/ws/ "), 400, "bad_request"},
		"two slashes":           {edit("/api/ws ", "/api//ws "), 400, "bad_request"},
		"escaped":               {edit("/api/ws ", "/api/%77s "), 400, "bad_request"},
		"dots":                  {edit("/api/ws ", "/api/x/../ws "), 400, "bad_request"},
		"dot":                   {edit("/api/ws ", "/api/./ws "), 400, "bad_request"},
		"upper case":            {edit("/api/ws ", "/api/WS "), 400, "bad_request"},
		"semicolon":             {edit("/api/ws ", "/api/ws;a=b "), 400, "bad_request"},
		"fragment":              {edit("/api/ws ", "/api/ws#a "), 400, "bad_request"},
		"without prefix":        {edit("/api/ws ", "/ws "), 400, "bad_request"},
		"longer":                {edit("/api/ws ", "/api/ws-private "), 400, "bad_request"},
	} {
		t.Run(name, func(t *testing.T) {
			defer r.during(t)()
			c0 := r.dial()
			c0.send(c.raw)
			a := c0.receive()
			r.is(a, c.status, c.code, "")
			switch h := a.Header; {
			case c.status == 426 && (h.Get("Upgrade") != "websocket" || h.Get("Sec-WebSocket-Version") != "13"):
				t.Errorf("the answer does not say what to speak: %v", h)
			case c.status == 405 && h.Get("Allow") != "GET":
				t.Errorf("allowed is %q", h.Get("Allow"))
			}
			if !a.Close {
				c0.send("GET /api/nothing HTTP/1.1\r\nHost: g\r\n\r\n")
				r.is(c0.receive(), 400, "bad_request", "nothing at this path")
			}
		})
	}
	if got := r.exchange.ws.callers(); len(got) > 0 {
		t.Errorf("the exchange was asked: %v", got)
	}
}

// HTTP/1.0 knows no upgrade, and what the client took for one is not read as
// frames (RFC 9110, 7.8).
func TestHTTP10IsNotUpgraded(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	c.send(strings.Replace(fmt.Sprintf(handshake, "/api/ws"), "HTTP/1.1", "HTTP/1.0", 1) + frame(fin|text, `{"e":"ping"}`))
	r.is(c.receive(), 426, "bad_request", "version 13")
	c.ended()
}

func TestAHandshakeIsReadInEverySpelling(t *testing.T) {
	r := newRig(t, func(c *gateway.Config) { c.Origins = []string{"https://good.example"} })
	for name, edit := range map[string]func(string) string{
		"lower": strings.ToLower,
		"lists": func(s string) string {
			return strings.NewReplacer("Connection: Upgrade", "Connection: keep-alive, Upgrade", "Upgrade: websocket", "Upgrade: h2c, WebSocket").Replace(s)
		},
		"page": func(s string) string {
			return strings.Replace(s, "\r\n\r\n", "\r\nOrigin: https://good.example\r\n\r\n", 1)
		},
		"compression": func(s string) string {
			return strings.Replace(s, "\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 1)
		},
		"protocol": func(s string) string {
			return strings.Replace(s, "\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n", 1)
		},
		"no body": func(s string) string { return strings.Replace(s, "\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			defer r.during(t)()
			w := wire{r.dial()}
			raw := edit(fmt.Sprintf(handshake, "/api/ws"))
			if name == "lower" { // but for what has a case: method, version, key
				raw = strings.NewReplacer("get ", "GET ", "http/1.1", "HTTP/1.1", "dghlihnhbxbszsbub25jzq==", "dGhlIHNhbXBsZSBub25jZQ==").Replace(raw)
			}
			w.send(raw)
			w.switched()
			if op, payload, err := w.frame(); op != text || payload != `{"e":"connected"}` || err != nil {
				t.Errorf("the first message is %x %q, %v", op, payload, err)
			}
		})
	}
}

// Bytes that came with the handshake are frames, and nothing of them is lost
// or read as HTTP.
func TestFramesThatCameWithTheHandshakeAreServed(t *testing.T) {
	r := newRig(t, func(c *gateway.Config) { c.PublicPoints = 1000 })
	for _, n := range []int{1, 2, 90} {
		frames := ""
		for i := range n {
			frames += frame(fin|text, fmt.Sprintf(`{"e":"get_ticker","oid":"%d","data":%q}`, i, stars(i*3)))
		}
		for _, held := range []int{0, 1, 5, 30} { // bytes that come later
			w := r.upgraded("/api/ws-public", frames[:len(frames)-held])
			w.send(frames[len(frames)-held:])
			var got seen
			w.until(&got, func() bool { return len(got.texts) == n })
			for i, m := range got.texts {
				if !strings.Contains(m, fmt.Sprintf(`"oid":"%d"`, i)) {
					t.Errorf("reply %d is %s", i, m)
				}
			}
		}
		r.pass(60e9)
	}
	// A request after the handshake is no request.
	w := r.upgraded("/api/ws", "GET /api/rest-public/get_ticker HTTP/1.1\r\nHost: g\r\n\r\n")
	w.left(1002, "")
	if got := r.exchange.take(); len(got) > 0 {
		t.Errorf("the exchange got %v", got)
	}
}
