package testenv_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"latchkey/internal/authority"
	"latchkey/internal/node"
	"latchkey/internal/testenv"
	"latchkey/signature"
)

// hive is an exchange that counts what reaches it over WebSocket.
type hive struct {
	*httptest.Server
	early, late atomic.Int64 // messages that were sent before and after the owner was told
}

func newHive(t *testing.T) *hive {
	h := &hive{}
	up := websocket.Upgrader{ReadBufferSize: 256, WriteBufferSize: 256}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for err == nil {
			var message []byte
			if _, message, err = conn.ReadMessage(); err != nil {
				return
			}
			if strings.Contains(string(message), "late") {
				h.late.Add(1)
			} else {
				h.early.Add(1)
			}
		}
	}))
	t.Cleanup(h.Close)
	return h
}

// swarm is many sessions of one key that all talk at once.
type swarm struct {
	t        *testing.T
	sessions []*websocket.Conn
	told     atomic.Bool  // the owner was told
	closed   atomic.Int64 // sessions that were closed with 4401 after "disconnected"
	reset    atomic.Int64 // sessions that were reset before they had read that
	other    atomic.Int64 // sessions that ended in another way
	readers  sync.WaitGroup
}

// join opens sessions side by side.
func join(t *testing.T, s *testenv.System, bot testenv.Bot, secret string, n int) *swarm {
	t.Helper()
	w := &swarm{t: t, sessions: make([]*websocket.Conn, n)}
	stamp := fmt.Sprint(s.Clock.Now().Unix())
	logon := fmt.Sprintf(`{"e":"auth","auth":{"key":%q,"timestamp":%q,"signature":%q}}`, bot.KeyID, stamp,
		signature.SignWS([]byte(secret), stamp, bot.KeyID))
	var all sync.WaitGroup
	for side := range 8 {
		all.Go(func() {
			for i := side; i < n; i += 8 {
				w.sessions[i] = w.open(s.GatewayURL, logon)
			}
		})
	}
	all.Wait()
	return w
}

func (w *swarm) open(gateway, logon string) *websocket.Conn {
	d := websocket.Dialer{ReadBufferSize: 256, WriteBufferSize: 256}
	conn, _, err := d.Dial(strings.Replace(gateway, "http", "ws", 1)+"/api/ws", nil)
	if err != nil {
		w.t.Errorf("opening a session: %v", err)
		return nil
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	_, _, err = conn.ReadMessage() // connected
	if err == nil {
		err = conn.WriteMessage(websocket.TextMessage, []byte(logon))
	}
	var answer []byte
	if err == nil {
		_, answer, err = conn.ReadMessage()
	}
	if err != nil || !strings.Contains(string(answer), `"ok":"ok"`) {
		w.t.Errorf("logon: %s, %v", answer, err)
		return nil
	}
	w.readers.Go(func() { w.read(conn) })
	return conn
}

// read waits for the end of a session.
func (w *swarm) read(conn *websocket.Conn) {
	var last struct{ E, Code string }
	for {
		_, message, err := conn.ReadMessage()
		switch {
		case err == nil:
			_ = json.Unmarshal(message, &last)
		case websocket.IsCloseError(err, 4401) && last.E == "disconnected" && last.Code == "key_changed":
			w.closed.Add(1)
			return
		case errors.Is(err, syscall.ECONNRESET):
			w.reset.Add(1)
			return
		default:
			w.other.Add(1)
			return
		}
	}
}

// talk sends on all sessions in turn until stop; from the moment on that the
// owner was told, each message says so.
func (w *swarm) talk(stop <-chan struct{}) {
	for n := 0; ; n++ {
		for _, conn := range w.sessions {
			select {
			case <-stop:
				return
			default:
			}
			when := "early"
			if w.told.Load() {
				when = "late"
			}
			// Fails on a session that was closed.
			_ = conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"e":"get_my_fee","oid":"%s-%d","data":{}}`, when, n))
		}
	}
}

// A stolen key has 2,000 sessions open, and all of them are busy, when the owner
// stops it. From the moment the owner is told, not one more message may reach
// the exchange, and every session has been closed with the reason.
func TestNoSessionOutlivesItsKey(t *testing.T) {
	const sessions = 2000
	exchange := newHive(t)
	s := testenv.Start(t, testenv.Options{Upstream: exchange.URL, Change: func(c *node.Config) {
		c.Points, c.MaxConns, c.MaxConnsEach, c.MaxSessions, c.MaxMessages = 1<<30, 4096, 4096, sessions, 1<<30
	}})
	bot, owner := s.ActiveKey("bot-1", authority.NewKey{Permissions: readTrade}), s.Owner()
	w := join(t, s, bot, bot.Secret.Reveal(), sessions)
	if t.Failed() {
		return
	}
	stop, talking := make(chan struct{}), sync.WaitGroup{}
	talking.Go(func() { w.talk(stop) })
	for exchange.early.Load() < sessions {
		time.Sleep(time.Millisecond) // until every session has spoken
	}
	begin := time.Now()
	testenv.Allows(t, owner.Do("POST", "/v1/keys/"+bot.KeyID+"/deactivate", nil), http.StatusOK)
	w.told.Store(true)
	acknowledged := time.Since(begin)
	w.readers.Wait()
	t.Logf("acknowledged after %v, all read their end after %v", acknowledged, time.Since(begin))
	time.Sleep(50 * time.Millisecond) // what had slipped through would arrive now
	close(stop)
	talking.Wait()
	// Who talks on and does not read for half a second is reset, and may lose the
	// reason: this process alone is 2,000 clients.
	if w.closed.Load() < sessions*9/10 || w.closed.Load()+w.reset.Load() != sessions {
		t.Errorf("%d sessions were closed with 4401, %d were reset, %d ended in another way; want %d, few, 0",
			w.closed.Load(), w.reset.Load(), w.other.Load(), sessions)
	}
	if late := exchange.late.Load(); late > 0 {
		t.Errorf("%d messages reached the exchange after the owner was told", late)
	}
}
