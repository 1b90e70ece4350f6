package gateway_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/gateway"

	"github.com/fasthttp/websocket"
)

// chorus answers each call and, right behind it, pushes something; both carry
// the number of the call, and both are written by one side at a time.
func chorus(conn *websocket.Conn) {
	if conn.WriteMessage(websocket.TextMessage, []byte(`{"e":"connected"}`)) != nil {
		return
	}
	for {
		_, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		n, err := strconv.Atoi(between(string(message), `"oid":"`, `"`))
		if err != nil {
			return
		}
		if conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"e":"get_my_orders","oid":"%d","data":[],"ok":"ok"}`, n)) != nil ||
			conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"e":"account_update","data":{"id":%d},"ok":"ok"}`, n)) != nil {
			return
		}
	}
}

func between(text, from, to string) string {
	_, text, _ = strings.Cut(text, from)
	text, _, _ = strings.Cut(text, to)
	return text
}

// Replies and pushes arrive in the order in which the exchange sent them, each
// once, while four sessions send as fast as they can: a million messages in all,
// of which the client reads two thirds. Fewer in short mode.
func TestNoMessageIsLostDoubledOrOvertaken(t *testing.T) {
	const sessions = 4
	calls := 1_000_000 / 3 / sessions
	if testing.Short() {
		calls = 2_000
	}
	r := newRig(t, func(c *gateway.Config) { c.Points, c.MaxMessages = 1<<40, 1<<30 })
	r.exchange.ws.serve = chorus
	var all sync.WaitGroup
	for range sessions {
		b := r.logged()
		deadline := time.Now().Add(5 * time.Minute) // of a test that hangs
		if err := b.SetReadDeadline(deadline); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			for n := range calls {
				if err := b.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"e":"get_my_orders","oid":"%d","data":{}}`, n)); err != nil {
					t.Errorf("call %d: %v", n, err)
					return
				}
			}
		})
		all.Go(func() { inOrder(t, b, calls) })
	}
	all.Wait()
}

// inOrder reads a reply and a push for each call.
func inOrder(t *testing.T, b bot, calls int) {
	var want []byte
	for n := range calls {
		for _, form := range []string{`{"e":"get_my_orders","oid":"%d","data":[],"ok":"ok"}`, `{"e":"account_update","data":{"id":%d},"ok":"ok"}`} {
			want = fmt.Appendf(want[:0], form, n)
			_, got, err := b.ReadMessage()
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("message %d is %s, %v; want %s", n, got, err, want)
				return
			}
		}
	}
}
