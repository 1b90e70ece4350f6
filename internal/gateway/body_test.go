package gateway_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"latchkey/internal/gateway"
)

// long is a body of about so many bytes.
func long(size int) string { return `{"a":"` + strings.Repeat("a", size) + `"}` }

// The attack: 75 bytes of header, without a key, announce a megabyte that never
// comes. If the room is made at once, a few thousand connections from one
// laptop take all of the node's memory.
func TestABodyThatWasOnlyAnnouncedTakesNoRoom(t *testing.T) {
	const clients = 64
	r := newRig(t, func(c *gateway.Config) { c.BodyTimeout = 500 * time.Millisecond })
	var all []client
	for range clients {
		all = append(all, r.dial())
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, c := range all {
		c.send("POST /api/rest-public/get_ticker HTTP/1.1\r\nHost: g\r\nContent-Length: 1048576\r\n\r\n{")
	}
	for _, c := range all {
		r.is(c.receive(), 408, "bad_request", "body did not arrive")
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > clients<<18 {
		t.Errorf("%d bytes were allocated for each announced body", used/clients)
	}
}

// The attack goes on with bodies that do arrive, all but the last byte, or that
// the gateway is made to ask for. Their sum is bounded; orders, which are
// small, pass all the same, and the room comes back with the connection.
func TestLargeBodiesTogetherAreBounded(t *testing.T) {
	const size = 90_000
	for name, hold := range map[string]func(client){
		"asked for": func(c client) {
			c.send(fmt.Sprintf("POST /api/rest-public/get_ticker HTTP/1.1\r\nHost: g\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", size))
			if a := c.receive(); a.StatusCode != 100 {
				c.t.Fatalf("%d %s", a.StatusCode, a.body)
			}
		},
		"answered and kept": func(c client) {
			c.send(public("get_ticker", long(size)))
			if a := c.receive(); a.StatusCode != 200 {
				c.t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			half := public("get_ticker", long(size))
			c.send(half[:len(half)-1])
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(c *gateway.Config) { c.MaxHeld = 100_000 })
			first := r.dial()
			hold(first)
			full := func() bool { return r.do(public("get_ticker", long(size))).StatusCode == 503 }
			// Not by asking: while the first body arrives, a second one could be
			// given the room that the first still needs.
			r.until("the first body takes no room", func() bool { return r.gateway.Held() > 70_000 })
			r.is(r.do(public("get_ticker", long(size))), 503, "unavailable", "too many large bodies")
			r.is(r.do(r.good().raw()), 200, "", "")
			_ = first.Close()
			r.until("the room does not come back", func() bool { return !full() })
		})
	}
}

// until waits for what the gateway does in its own time.
func (r *rig) until(otherwise string, is func() bool) {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); !is(); {
		if time.Now().After(end) {
			r.t.Fatal(otherwise)
		}
		r.pass(time.Minute) // the address has points again
	}
}

// A body that is larger than the guard's first buffer arrives as it was sent,
// and so does what was sent right behind it.
func TestALargeBodyAndWhatFollowsArriveWhole(t *testing.T) {
	r := newRig(t)
	large := r.good().on("get_candles")
	large.body = long(900_000)
	c := r.dial()
	go func() { _, _ = c.Conn.Write([]byte(large.raw() + r.good().raw() + large.on("get_my_orders").raw())) }()
	for range 3 {
		r.is(c.receive(), 200, "", "")
	}
	got := r.exchange.take()
	if len(got) != 3 || got[0].body != large.body || got[1].body != r.good().body || got[2].body != large.body {
		t.Errorf("%d requests arrived, or with other bodies", len(got))
	}
}
