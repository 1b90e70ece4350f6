package gateway_test

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"latchkey/internal/gateway"

	"github.com/fasthttp/websocket"
)

// What open takes is JSON that the standard library reads in the same way;
// what it refuses ends the session by the book.
func FuzzOpen(f *testing.F) {
	for _, s := range []string{
		`{"e":"get_my_orders","oid":"17","data":{}}`, `{"e":"ping"}`, `{"e":"auth","auth":{"key":"k","signature":"00","timestamp":1.5}}`,
		`{"e":"a","E":"b","oid":"1"}`, `{"e":"\u0061","oid":"1"}`, "{\"e\":\"a\xff\",\"oid\":\"1\"}", `{"oid":"\ud800","e":"x"}`, `[]`, ``, `{"e":"x","oid":null}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		kind, oid, code, status := gateway.Open(message)
		if status != 0 {
			if code != "bad_request" || status != 1000 && status != 1007 || status == 1007 && utf8.Valid(message) {
				t.Fatalf("%q is refused with %d %s", message, status, code)
			}
			return
		}
		var m struct {
			E   string           `json:"e"`
			OID *json.RawMessage `json:"oid"`
		}
		if !utf8.Valid(message) || json.Unmarshal(message, &m) != nil || m.E != kind {
			t.Fatalf("%q is read as %q, by the standard library as %q", message, kind, m.E)
		}
		var text string
		switch {
		case m.OID == nil && len(oid) == 0 && (kind == "auth" || kind == "ping"):
		case m.OID == nil || string(*m.OID) != string(oid) || len(oid) > 256 || json.Unmarshal(oid, &text) != nil:
			t.Fatalf("%q has the oid %q", message, oid)
		}
	})
}

// Whatever bytes come instead of frames, the exchange gets only whole messages
// that a second reading finds too, in their order, and the session ends.
func FuzzFrames(f *testing.F) {
	const call = `{"e":"get_ticker","oid":"1"}`
	one := frame(fin|text, call)
	for _, s := range []string{
		one, one + one + closeWith(1000, "bye"), frame(text, call[:9]) + frame(fin|ping, "x") + frame(fin|goesOn, call[9:]), one[:7], one + frame(fin|4<<4|text, call),
		one + announce(fin|text, 1<<62), one + announce(fin|text, 1<<63), frame(fin|binaryOp, call), one + frame(fin|text, "{\"e\":\"\xff\"}") + one, one + frame(fin|goesOn, call),
		frame(fin|text, `{"e":"ping"}`) + one, "\x81\x02{}" + one, one + frame(fin|closing, "\x03") + one, frame(ping, "") + one, strings.Repeat(frame(text, ""), 2) + one,
		one + "\x81\xfe\x00\x1c\x37\xfa\x21\x3d" + masked(call), frame(fin|text, `{"e":"auth","oid":"1"}`) + one,
	} {
		f.Add([]byte(s))
	}
	r := frameRig(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		defer r.during(t)()
		got := make(chan []string, 1)
		r.exchange.ws.replace(func(c *websocket.Conn) {
			var all []string
			for {
				_, m, err := c.ReadMessage()
				if err != nil {
					got <- all
					return
				}
				all = append(all, string(m))
			}
		})
		w := r.upgraded("/api/ws-public")
		if _, err := w.Conn.Write(raw); err == nil {
			_ = w.Conn.(interface{ CloseWrite() error }).CloseWrite()
		}
		w.rest()
		want := readAgain(raw)
		if len(want) > 0 {
			select {
			case all := <-got:
				if len(all) > len(want) || !slices.Equal(all, want[:len(all)]) {
					t.Fatalf("the exchange got %q, want %q", all, want)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("the exchange was not asked; want %q", want)
			}
			return
		}
		select {
		case all := <-got:
			t.Fatalf("the exchange got %q, want nothing", all)
		default:
		}
	})
	if strings.Contains(r.log.String(), "met a fault") {
		f.Error("a session met a fault in the gateway")
	}
}

func (x *wsExchange) replace(serve func(*websocket.Conn)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.serve = serve
}

// readAgain reads frames as RFC 6455, 5.2 has them, and returns the calls before
// the first fault. Lengths may be longer than they need to be, as the gateway
// takes them.
func readAgain(raw []byte) (calls []string) {
	var message []byte
	open, logons := false, 0
	for {
		first, payload, rest, whole := nextFrame(raw)
		op := first & 0xf
		control := op >= 8
		switch {
		case !whole || first&0x70 != 0 || control && (first&fin == 0 || len(payload) > 125 || op > pong || op == closing):
			return calls
		case control:
			raw = rest
			continue
		case op > text || open != (op == goesOn):
			return calls
		}
		raw, open, message = rest, first&fin == 0, append(message, payload...)
		if len(message) > 64<<10 || open {
			continue
		}
		kind, _, _, status := gateway.Open(message)
		if kind == "auth" {
			logons++
		}
		if status != 0 || logons == 3 || kind != "auth" && kind != "ping" && kind != "get_ticker" && kind != "trade_subscribe" {
			return calls
		}
		if kind != "auth" && kind != "ping" {
			calls = append(calls, string(message))
		}
		message = nil
	}
}

func nextFrame(raw []byte) (first byte, payload, rest []byte, whole bool) {
	if len(raw) < 2 || raw[1]&0x80 == 0 {
		return 0, nil, nil, false
	}
	length, at := uint64(raw[1]&0x7f), 2
	switch {
	case length == 126 && len(raw) >= 4:
		length, at = uint64(binary.BigEndian.Uint16(raw[2:])), 4
	case length == 127 && len(raw) >= 10:
		length, at = binary.BigEndian.Uint64(raw[2:]), 10
	case length >= 126:
		return 0, nil, nil, false
	}
	if len(raw) < at+4 || length > uint64(len(raw)-at-4) {
		return 0, nil, nil, false
	}
	payload = slices.Clone(raw[at+4 : at+4+int(length)])
	for i := range payload {
		payload[i] ^= raw[at+i%4]
	}
	return raw[0], payload, raw[at+4+int(length):], true
}
