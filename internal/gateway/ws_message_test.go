package gateway_test

import (
	"strings"
	"testing"

	"latchkey/internal/gateway"

	"github.com/fasthttp/websocket"
)

// What is no message of the protocol ends the session, with the reason and
// without an error before it.
func TestWhatIsNoMessageEndsTheSession(t *testing.T) {
	deep := strings.Repeat("[", 32) + strings.Repeat("]", 32)
	for name, message := range map[string]string{
		"empty": "", "text": "hello", "array": `[{"e":"ping"}]`, "string": `"ping"`, "null": "null", "half": `{"e":"ping"`,
		"two": `{"e":"ping"}{"e":"ping"}`, "byte order mark": "\xef\xbb\xbf" + `{"e":"ping"}`, "comma": `{"e":"ping",}`, "control": "{\"e\":\"ping\",\"oid\":\"\x01\"}",
		"e twice": `{"e":"ping","e":"get_my_orders","oid":"1"}`, "E and e": `{"e":"ping","E":"get_my_orders"}`,
		"oid twice": `{"e":"get_my_orders","oid":"1","oid":"2"}`, "data twice": `{"e":"get_my_orders","oid":"1","data":{},"data":{"a":1}}`,
		"deep inside twice": `{"e":"get_my_orders","oid":"1","data":{"a":[{"b":1,"B":2}]}}`, "escaped twice": `{"e":"ping","\u0065":"x"}`,
		"auth twice": `{"e":"auth","auth":{},"auth":{}}`, "half a surrogate": `{"e":"ping","x":"\ud800"}`, "too deep": `{"e":"ping","x":` + deep + `}`,
		"no e": `{"oid":"1"}`, "e is a number": `{"e":1,"oid":"1"}`, "e is null": `{"e":null,"oid":"1"}`, "e is escaped": `{"e":"\u0070ing","oid":"1"}`,
		"no oid": `{"e":"get_my_orders","data":{}}`, "oid is a number": `{"e":"get_my_orders","oid":1}`, "oid is null": `{"e":"get_my_orders","oid":null}`,
		"oid is an object": `{"e":"ping","oid":{}}`, "oid is long": `{"e":"get_my_orders","oid":"` + stars(255) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			b := r.logged()
			b.say(message)
			b.gone(1000, "bad_request")
			if got := r.exchange.ws.take(); len(got) > 0 {
				t.Errorf("the exchange got %q", got)
			}
		})
	}
}

func TestABinaryMessageEndsTheSession(t *testing.T) {
	r := newRig(t)
	b := r.logged()
	if err := b.WriteMessage(websocket.BinaryMessage, []byte(`{"e":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	b.gone(1000, "bad_request")
}

func TestTheLongestOIDComesBack(t *testing.T) {
	r := newRig(t)
	b := r.logged()
	for _, oid := range []string{"", stars(254), "a\\u0022b", "<&>"} {
		b.say(`{"e":"do_my_internal_transfer","oid":"` + oid + `"}`)
		want := strings.NewReplacer("\\u0022", `"`).Replace(oid)
		if n := b.read(); n.OID != want || n.Data.Code != "permission_missing" {
			t.Errorf("%q is answered with %s", oid, n.raw)
		}
	}
}

// An unknown e is answered with an error before the end, as the exchange does.
func TestAnUnknownTypeIsNamedBeforeTheEnd(t *testing.T) {
	for _, c := range []struct{ path, e, named string }{
		{"/api/ws", "get_nothing", "get_nothing"}, {"/api/ws", "get_ticker", "get_ticker"}, {"/api/ws-public", "get_my_orders", "get_my_orders"},
		{"/api/ws-public", "get_processing_info", "get_processing_info"}, {"/api/ws", "get_processing_info", "get_processing_info"},
		{"/api/ws", "Get_my_orders", "Get_my_orders"}, {"/api/ws", "", "Unsupported message type"}, {"/api/ws", stars(500), stars(64) + "..."},
		{"/api/ws", stars(63) + "\xc3\xa9" + stars(9), stars(63)},
	} {
		r := newRig(t)
		b := r.bot(c.path)
		if c.path == "/api/ws" {
			b = r.logged()
		}
		n := b.ask(c.e, "1", "{}")
		if n.E != c.e || n.OID != "1" || n.Data.Code != "bad_request" || !strings.Contains(n.Data.Error, "Unsupported message type "+strings.TrimPrefix(c.named, "Unsupported message type")) {
			t.Errorf("%q on %s is answered with %s", c.e, c.path, n.raw)
		}
		b.gone(1000, "bad_request")
		if got := r.exchange.ws.take(); len(got) > 0 {
			t.Errorf("the exchange got %q", got)
		}
	}
}

// Before the logon a call is refused and nothing else happens.
func TestACallBeforeTheLogonIsRefusedAndTheSessionStays(t *testing.T) {
	r := newRig(t)
	b := r.bot("/api/ws")
	for range 5 {
		if n := b.ask("do_my_new_order", "1", "{}"); n.Data.Code != "unauthorized" || n.OK != "" || n.OID != "1" {
			t.Errorf("answered with %s", n.raw)
		}
	}
	b.auth(keyID, string(secret), "1700000040")
	if n := b.read(); n.OK != "ok" {
		t.Errorf("the logon is answered with %s", n.raw)
	}
	if n := b.ask("do_my_new_order", "1", "{}"); n.OK != "ok" {
		t.Errorf("the call is answered with %s", n.raw)
	}
	if got := r.exchange.ws.take(); len(got) != 1 {
		t.Errorf("the exchange got %q", got)
	}
}

func TestAMessageIsAsLargeAsAllowedOrRefused(t *testing.T) {
	r := newRig(t, func(c *gateway.Config) { c.MaxMessage = 4 << 10 })
	b := r.logged()
	whole := func(n int) string {
		const empty = `{"e":"get_my_orders","oid":"1","data":""}`
		return strings.Replace(empty, `""`, `"`+stars(n-len(empty))+`"`, 1)
	}
	b.say(whole(4 << 10))
	if n := b.read(); n.Data.N != 4<<10 {
		t.Errorf("answered with %s", n.raw)
	}
	r.exchange.ws.take()
	b.say(whole(4<<10 + 1))
	b.gone(1009, "too_large")
	if got := r.exchange.ws.take(); len(got) > 0 {
		t.Errorf("the exchange got %d messages", len(got))
	}
}
