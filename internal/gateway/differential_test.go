package gateway_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey/identity"
	"latchkey/internal/gateway"
	"latchkey/signature"
)

// differential is how many requests are generated, half of them for each
// exchange; DIFFERENTIAL=1000000 is the long form.
func differential(t *testing.T) int {
	t.Helper()
	text := os.Getenv("DIFFERENTIAL")
	switch {
	case text == "" && testing.Short():
		return 2_000
	case text == "":
		return 20_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("DIFFERENTIAL is %q, want a number", text)
	}
	return n
}

// report is what an exchange says that it received.
type report struct {
	Method string
	Target string // as on the wire
	Key    string
	Type   string // Content-Type
	Signed bool   // the gateway's signature fits
	Body   []byte
	Read   map[string]reading
}

// reading is a member's value; numbers are text of their own. Absent is neither.
type reading struct {
	N string `json:"n,omitempty"`
	V any    `json:"v"`
}

// goReading is how encoding/json reads a body into the usual struct.
type goReading struct {
	Pair        *any `json:"pair"`
	Side        *any `json:"side"`
	Amount      *any `json:"amountCcy1"`
	Price       *any `json:"price"`
	ID          *any `json:"clientOrderId"`
	Timestamp   *any `json:"timestamp"`
	Nonce       *any `json:"nonce"`
	Data        *any `json:"data"`
	Proto       *any `json:"__proto__"`
	Constructor *any `json:"constructor"`
}

func (g goReading) fields() []*any {
	return []*any{g.Pair, g.Side, g.Amount, g.Price, g.ID, g.Timestamp, g.Nonce, g.Data, g.Proto, g.Constructor}
}

// goExchange reports what Go's server and decoder make of a request.
func goExchange(t *testing.T, clock func() time.Time) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		caller, bad := identity.Verify([]byte(shared), clock(), identity.Window, r.Header, r.Method, identity.Target(r), body)
		said := report{Method: r.Method, Target: r.RequestURI, Key: caller.Key, Type: r.Header.Get("Content-Type"), Signed: bad == nil && err == nil, Body: body, Read: map[string]reading{}}
		var g goReading
		if len(body) > 0 {
			if err := json.Unmarshal(body, &g); err != nil {
				t.Errorf("encoding/json: %v in %q", err, body)
			}
		}
		for i, v := range g.fields() {
			if v != nil {
				said.Read[readFields[i]] = reading{V: *v}
			}
		}
		_ = json.NewEncoder(w).Encode(said)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// nodeExchange starts testdata/exchange.js.
func nodeExchange(t *testing.T, _ func() time.Time) string {
	names, err := json.Marshal(readFields)
	if err != nil {
		t.Fatal(err)
	}
	node := exec.Command("node", "testdata/exchange.js", string(names), shared)
	node.Stderr = os.Stderr
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatalf("this test needs Node: %v", err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = node.Wait() })
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the exchange did not start: %v", err)
	}
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}

// generated is a request, and what the exchange must report of it.
type generated struct {
	raw string
	report
}

// ask generates a request: signed ones for the most part.
func (r *rig) ask(s *speller) generated {
	body := s.body()
	switch s.IntN(10) {
	case 0:
		return generated{s.request("POST", "/api/rest-public/get_ticker", body), report{Method: "POST", Target: "/api/rest-public/get_ticker", Type: "application/json", Body: []byte(body)}}
	case 1:
		target := "/api/rest-public/get_ticker?" + s.query()
		// A question mark with nothing behind it means nothing, and does not pass.
		return generated{s.request("GET", target, ""), report{Method: "GET", Target: strings.TrimSuffix(target, "?")}}
	}
	action := s.one("do_my_new_order", "get_candles", "get_my_orders", "do_create_account")
	target, ts := "/api/rest/"+action, signature.Timestamp(r.clock())
	mac := signature.SignREST([]byte(secret.Reveal()), action, ts, []byte(body))
	raw := s.request("POST", target+s.one("", "", "?"), body,
		s.header(signature.KeyHeader, keyID), s.header(signature.TimestampHeader, ts), s.header(signature.SignatureHeader, mac))
	return generated{raw, report{Method: "POST", Target: target, Key: keyID, Type: "application/json", Body: []byte(body)}}
}

// compare demands that what reached the exchange is what was sent and signed,
// and that the exchange reads in it what the verifier reads.
func (a generated) compare(t *testing.T, said report) {
	t.Helper()
	if !said.Signed || string(said.Body) != string(a.Body) || said.Method != a.Method || said.Target != a.Target || said.Key != a.Key || said.Type != a.Type {
		t.Fatalf("sent %q\nthe exchange got %s %s by %q, type %q, signed %v, body %q", a.raw, said.Method, said.Target, said.Key, said.Type, said.Signed, said.Body)
	}
	if len(a.Body) == 0 {
		return
	}
	raw := make([][]byte, len(readFields))
	want := make([]signature.Field, len(readFields))
	for i, name := range readFields {
		want[i] = signature.Field{Name: name, Value: &raw[i]}
	}
	if err := signature.ScanJSON(a.Body, want...); err != nil {
		t.Fatalf("%q: %v", a.Body, err)
	}
	for i, name := range readFields {
		got, found := said.Read[name]
		if !same(raw[i], got, found) {
			t.Fatalf("%s is %q to the verifier and %+v (%v) to the exchange in %q", name, raw[i], got, found, a.Body)
		}
	}
}

// same compares the bytes that the verifier has for a member with what an
// exchange reads there. Numbers are compared as numbers.
func same(raw []byte, got reading, found bool) bool {
	var want any
	if raw != nil && json.Unmarshal(raw, &want) != nil {
		return false
	}
	if n, ok := want.(float64); ok && got.N != "" {
		text, err := strconv.ParseFloat(got.N, 64)
		return err == nil && text == n
	}
	// A pointer to null is nil to encoding/json: absent and null are one there.
	return (raw != nil) == found && reflect.DeepEqual(want, got.V) || want == nil && !found
}

// The attack: a body that the gateway reads in one way and the exchange in
// another buys what nobody may buy (CWE-436). So nothing is decoded and encoded
// on the way: what arrives is what was signed, to the byte, and every member is
// read alike on both sides.
func TestWhatArrivesIsWhatWasSigned(t *testing.T) {
	total := differential(t) / 2
	for name, upstream := range map[string]func(*testing.T, func() time.Time) string{"net/http": goExchange, "Node": nodeExchange} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			r := newRig(t, func(c *gateway.Config) {
				u, err := url.Parse(upstream(t, c.Now))
				if err != nil {
					t.Fatal(err)
				}
				c.Upstream, c.Points, c.PublicPoints = u, 1<<30, 1<<30
			})
			s := &speller{Rand: rand.New(rand.NewPCG(seed, 1))}
			c := r.dial()
			for done := 0; done < total; {
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				var burst []generated
				for range 1 + s.IntN(32) {
					burst = append(burst, r.ask(s))
				}
				c.burst(burst)
				done += len(burst)
				r.pass(10 * time.Millisecond)
			}
		})
	}
}

// burst sends requests without waiting in between, and compares the answers.
func (c client) burst(all []generated) {
	c.t.Helper()
	go func() {
		for _, a := range all {
			_, _ = io.WriteString(c.Conn, a.raw) // whoever reads the answers finds out
		}
	}()
	for _, a := range all {
		got := c.receive()
		var said report
		if err := json.Unmarshal([]byte(got.body), &said); err != nil || got.StatusCode != 200 {
			c.t.Fatalf("%q: answered by %d %q, %v", a.raw, got.StatusCode, got.body, err)
		}
		a.compare(c.t.(*testing.T), said)
	}
}

// Over WebSocket the gateway does read in the message: e says which action it
// is. The exchange must get the same message and find the same e in it.
func TestWhatArrivesIsTheMessageThatWasJudged(t *testing.T) {
	r := newRig(t, func(c *gateway.Config) { c.Points, c.MaxMessages = 1<<30, 1<<30 })
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s := &speller{Rand: rand.New(rand.NewPCG(seed, 1))}
	b := r.logged()
	for n := range differential(t) / 10 {
		action := s.one("get_my_orders", "get_candles", "do_my_new_order")
		oid := fmt.Sprint(n, s.one("", "é", "/", "\t"))
		message := s.object(1, s.name("e")+s.space()+":"+s.space()+strconv.Quote(action), s.name("oid")+":"+s.text([]rune(oid)), s.name("nonce")+":0")
		_ = b.SetReadDeadline(time.Now().Add(time.Minute))
		r.pass(5 * time.Millisecond) // what was seen is forgotten again
		b.say(message)
		got := b.read()
		if arrived := r.exchange.ws.take(); len(arrived) != 1 || arrived[0] != message || got.E != action || got.OID != oid {
			t.Fatalf("%q: the exchange got %q, which answers %+v", message, arrived, got)
		}
	}
}
