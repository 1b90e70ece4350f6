//go:build fault

package fault

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/fasthttp/websocket"

	"latchkey/identity"
)

// identitySecret is shared by the gateways and the exchange.
const identitySecret = "identity secret of the fault harness"

// asked is the body of a call.
type asked struct {
	Call string `json:"call"`
}

// openExchange is where the calls arrive that a gateway let through.
func (s *site) openExchange(t testing.TB) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	// It believes a gateway whose clock is wrong: what arrives is judged here.
	guard := identity.Guard{Secret: []byte(identitySecret), Limit: 1 << 16, Window: 10 * year}
	server := &http.Server{Handler: guard.Require(s.arrive)}
	go func() { _ = server.Serve(ln) }() // until it is closed
	t.Cleanup(func() { _ = server.Close() })
	s.exchange = "http://" + ln.Addr().String()
}

// arrive is a call over REST, or the begin of a session.
func (s *site) arrive(w http.ResponseWriter, r *http.Request, from identity.Caller) {
	if strings.HasSuffix(r.URL.Path, "/ws") {
		s.attend(w, r, from)
		return
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		s.fault("the body of a call: %v", err)
		return
	}
	rights := s.inspect(text, from)
	fmt.Fprintf(w, `{"ok":"ok","data":{"rights":%q}}`, rights)
}

// attend is the exchange's end of a session. It answers nothing.
func (s *site) attend(w http.ResponseWriter, r *http.Request, from identity.Caller) {
	upgrader := websocket.Upgrader{}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the gateway is gone again
	}
	defer conn.Close()
	for {
		_, text, err := conn.ReadMessage()
		if err != nil {
			return
		}
		var message struct {
			Data json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(text, &message); err != nil {
			s.fault("a message arrived as %s", text)
		}
		s.inspect(message.Data, from)
	}
}

// inspect judges a call at once, so that a twin need not run to its end, and
// returns under which rights it came.
func (s *site) inspect(text []byte, from identity.Caller) string {
	at, rights := s.now(), strings.Join(from.Permissions, ",")
	var body asked
	err := json.Unmarshal(text, &body)
	found, known := s.calls.Load(body.Call)
	if err != nil || !known {
		s.fault("a call arrived that nobody made: %s (%v)", text, err)
		return rights
	}
	c := found.(*call)
	c.arrive(at, rights)
	s.land(c)
	if from.Key != c.key.id {
		s.fault("a call of %s arrived as one of %s", c.key.id, from.Key)
	}
	if err := c.key.bears(rights, c.sent, at); err != nil {
		s.fault("%s %v", c.at.name, err)
	}
	if c.trade && !(state{rights: rights}).trades() {
		s.fault("key %s: an order arrived with %q", c.key.id, rights)
	}
	return rights
}

func (s *site) land(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.landed = append(s.landed, c); c.chat {
		s.chatted++
	}
}
