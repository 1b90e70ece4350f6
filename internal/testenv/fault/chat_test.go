//go:build fault

package fault

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/fasthttp/websocket"

	"latchkey/signature"
)

// chatEvery is how often a session sends a message.
const chatEvery = 10 * time.Millisecond

// chat opens WebSocket sessions at a machine, one after the other, each for some
// key, until the context ends. Every message is a call of its own: what counts
// is when it was sent, not when the session was opened.
func (s *site) chat(ctx context.Context, m *machine, rng *rand.Rand) {
	for ctx.Err() == nil {
		s.session(ctx, m, s.slots[rng.IntN(len(s.slots))].Load(), rng)
		pause(ctx, 20*time.Millisecond)
	}
}

// session sends messages until it is ended by the gateway.
func (s *site) session(ctx context.Context, m *machine, key *register, rng *rand.Rand) {
	dialer := websocket.Dialer{HandshakeTimeout: patience}
	conn, _, err := dialer.DialContext(ctx, strings.Replace(*m.gateway.Load(), "http", "ws", 1)+"/api/ws", nil)
	if err != nil {
		return // it is down
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	over := make(chan struct{})
	go func() { // what the gateway says is of no interest, but for the end
		defer close(over)
		for {
			if _, text, err := conn.ReadMessage(); err != nil || strings.Contains(string(text), `"disconnected"`) || strings.Contains(string(text), `"auth"`) && !strings.Contains(string(text), `"ok":"ok"`) {
				return
			}
		}
	}()
	stamp := signature.Timestamp(m.wall())
	logon := fmt.Sprintf(`{"e":"auth","oid":"auth","auth":{"key":%q,"timestamp":%q,"signature":%q}}`, key.id, stamp, signature.SignWS(key.secret, stamp, key.id))
	for text := logon; conn.WriteMessage(websocket.TextMessage, []byte(text)) == nil; text = s.message(key, m, rng) {
		select {
		case <-over:
			return
		case <-time.After(s.every(chatEvery)):
		}
	}
}

// message makes the next call of a session. It counts as sent before it is.
func (s *site) message(key *register, m *machine, rng *rand.Rand) string {
	c := &call{key: key, at: m, trade: rng.IntN(2) == 0, chat: true}
	id := strconv.FormatInt(s.number.Add(1), 10)
	action := "get_fee_strategy"
	if c.trade {
		action = "do_my_new_order"
	}
	c.sent = s.now()
	s.calls.Store(id, c)
	return fmt.Sprintf(`{"e":%q,"oid":%q,"data":{"call":%q}}`, action, id, id)
}
