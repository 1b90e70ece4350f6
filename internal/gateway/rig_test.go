package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey"
	"latchkey/identity"
	"latchkey/internal/cluster"
	"latchkey/internal/gateway"
	"latchkey/internal/verify"
	"latchkey/signature"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The HTTP library refreshes its Date header for as long as the process
		// lives; its pool of workers and its client's connections are looked
		// after from time to time, and only then do these goroutines end.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner"),
	)
}

const (
	keyID  = "lk_one"
	secret = latchkey.Secret("lks_canary_secret_that_must_never_be_logged")
	shared = "canary of the gateway and the exchange"
)

var start = time.Unix(1_700_000_040, 250_000_000)

// rig is a gateway on a real socket between a raw client and a real exchange.
type rig struct {
	t        testing.TB
	gateway  *gateway.Gateway
	table    *verify.Table
	tally    *verify.Tally
	exchange *exchange
	registry *prometheus.Registry
	log      *record
	address  string

	mu  sync.Mutex
	now time.Time
	key latchkey.Key
}

// during makes a part of a test the one that fails, until what it returns is
// called.
func (r *rig) during(t testing.TB) func() {
	whole := r.t
	r.t = t
	return func() { r.t = whole }
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// received is a request as the exchange got it.
type received struct {
	method, target, body string
	header               http.Header
	caller               identity.Caller
	err                  error // of identity.Verify
}

// exchange notes what arrives and answers with the action's name.
type exchange struct {
	*httptest.Server
	mu     sync.Mutex
	got    []received
	ws     wsExchange
	answer http.HandlerFunc // nil: the usual one
	clock  func() time.Time
}

func (e *exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "/ws") {
		e.serveWS(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	caller, err := identity.Verify([]byte(shared), e.clock(), identity.Window, r.Header, r.Method, identity.Target(r), body)
	e.mu.Lock()
	e.got = append(e.got, received{r.Method, r.RequestURI, string(body), r.Header.Clone(), caller, err})
	answer := e.answer
	e.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"ok":"ok","data":%q}`, identity.Target(r))
}

// take returns what arrived since the last take.
func (e *exchange) take() []received {
	e.mu.Lock()
	defer e.mu.Unlock()
	got := e.got
	e.got = nil
	return got
}

func (e *exchange) answers(f http.HandlerFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = f
}

// record is a log that tests read.
type record struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buf.String()
}

func actions() []latchkey.Action {
	private := func(name string, p latchkey.Permissions, cost int) latchkey.Action {
		return latchkey.Action{Name: name, Permission: p, Cost: cost, REST: true, WS: true, Mutating: p != latchkey.Read, Purpose: "test"}
	}
	behalf := private("get_my_trading_conditions", latchkey.Read, 1)
	behalf.OnBehalf = true
	create := private("do_create_account", latchkey.Read, 1)
	create.Mutating = true
	return []latchkey.Action{
		private("get_my_orders", latchkey.Read, 5), private("get_candles", latchkey.Read, 1), create, behalf,
		private("do_my_new_order", latchkey.Trade, 1), private("do_my_internal_transfer", latchkey.FundsInternal, 1),
		{Name: "get_ticker", PublicREST: true, PublicWS: true, PublicCost: 1, Purpose: "test"},
		{Name: "get_processing_info", PublicREST: true, PublicCost: 10, REST: true, Permission: latchkey.Read, Cost: 10, Purpose: "test"},
		{Name: "trade_subscribe", WS: true, PublicWS: true, Permission: latchkey.Read, Cost: 1, PublicCost: 1, Purpose: "test"},
	}
}

func theKey() latchkey.Key {
	return latchkey.Key{ID: keyID, AccountID: "acc_one", Status: latchkey.StatusActive, Version: 2, Permissions: latchkey.NewPermissions(latchkey.Trade)}
}

// newRig starts everything; change may spoil the configuration.
func newRig(t testing.TB, change ...func(*gateway.Config)) *rig {
	t.Helper()
	return build(t, change...).start()
}

// start opens the door.
func (r *rig) start() *rig {
	r.t.Helper()
	l := listen(r.t)
	r.address = l.Addr().String()
	r.serve(func() error { return r.gateway.Serve(l) })
	return r
}

// build makes everything ready; nobody is served yet, so that guards can be
// switched off.
func build(t testing.TB, change ...func(*gateway.Config)) *rig {
	t.Helper()
	r := &rig{t: t, table: verify.NewTable(), tally: verify.NewTally(), log: &record{}, now: start, key: theKey(), registry: prometheus.NewRegistry()}
	r.exchange = &exchange{clock: r.clock}
	r.exchange.Server = httptest.NewServer(r.exchange)
	t.Cleanup(r.exchange.Close)
	catalog, err := latchkey.NewCatalog(actions())
	if err != nil {
		t.Fatal(err)
	}
	upstream, err := url.Parse(r.exchange.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := gateway.Config{
		Catalog: catalog, Table: r.table, Ledger: cluster.NewLocal(cluster.LocalConfig{Window: 20 * time.Second}), Tally: r.tally,
		Upstream: upstream, IdentitySecret: []byte(shared), Now: r.clock, Metrics: r.registry,
		Log: slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&c)
	}
	if r.gateway, err = gateway.New(c); err != nil {
		t.Fatal(err)
	}
	r.table.Put(theKey(), secret)
	return r
}

// serve runs a listener until the test ends.
func (r *rig) serve(run func() error) {
	done := make(chan error, 1)
	go func() { done <- run() }()
	r.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.gateway.Shutdown(ctx); err != nil {
			r.t.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != nil {
			r.t.Errorf("serve: %v", err)
		}
	})
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// call is a signed call; good is allowed, and a test spoils it.
type call struct {
	method, path, key, action, body string
	secret                          latchkey.Secret
	ts                              time.Time
	signature                       string   // replaces the right one
	header                          []string // further lines
}

func (r *rig) good() call {
	return call{method: "POST", path: "/api/rest/do_my_new_order", key: keyID, secret: secret, action: "do_my_new_order", body: `{"side":"BUY"}`, ts: r.clock()}
}

// on returns the call for another action.
func (c call) on(action string) call {
	c.action, c.path = action, "/api/rest/"+action
	return c
}

func (c call) raw() string {
	ts := signature.Timestamp(c.ts)
	if c.signature == "" {
		c.signature = signature.SignREST([]byte(c.secret.Reveal()), c.action, ts, []byte(c.body))
	}
	lines := append([]string{
		c.method + " " + c.path + " HTTP/1.1", "Host: gateway", signature.KeyHeader + ": " + c.key,
		signature.TimestampHeader + ": " + ts, signature.SignatureHeader + ": " + c.signature, fmt.Sprint("Content-Length: ", len(c.body)),
	}, c.header...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + c.body
}

// public is a call without a key.
func public(action, body string) string {
	return fmt.Sprintf("POST /api/rest-public/%s HTTP/1.1\r\nHost: gateway\r\nContent-Length: %d\r\n\r\n%s", action, len(body), body)
}

// client is a raw connection.
type client struct {
	t testing.TB
	net.Conn
	*bufio.Reader
}

// Read belongs to both; answers are read through the buffer.
func (c client) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func (r *rig) dial() client { return dial(r.t, r.address) }

func dial(t testing.TB, address string) client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return wrap(t, conn)
}

func wrap(t testing.TB, conn net.Conn) client {
	t.Cleanup(func() { _ = conn.Close() })
	// A test that waits for ever says nothing.
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return client{t, conn, bufio.NewReader(conn)}
}

func (c client) send(raw string) {
	c.t.Helper()
	if _, err := io.WriteString(c.Conn, raw); err != nil {
		c.t.Fatal(err)
	}
}

// answer is one answer, read to its end.
type answer struct {
	*http.Response
	body  string
	Error string `json:"error"`
	Code  string `json:"code"`
	ID    string `json:"requestId"`
	Time  int64  `json:"serverTime"`
	Skew  int64  `json:"skewMs"`
}

func (c client) receive() answer {
	c.t.Helper()
	resp, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("half an answer: %v", err)
	}
	a := answer{Response: resp, body: string(body)}
	if resp.Header.Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(body, &a); err != nil {
			c.t.Fatalf("%q: %v", body, err)
		}
	}
	return a
}

// ended checks that the gateway closed the connection and sent nothing more.
func (c client) ended() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.Reader); len(rest) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
		c.t.Errorf("after the last answer came %q, %v", rest, err)
	}
}

// do sends over a new connection and returns the answer.
func (r *rig) do(raw string) answer {
	r.t.Helper()
	c := r.dial()
	defer c.Close()
	c.send(raw)
	return c.receive()
}

func (r *rig) is(a answer, status int, code, text string) {
	r.t.Helper()
	if a.StatusCode != status || a.Code != code || !strings.Contains(a.Error, text) {
		r.t.Errorf("answer is %d %s, want %d %s %q", a.StatusCode, a.body, status, code, text)
	}
	if code != "" && (a.Header.Get("Cache-Control") != "no-store" || a.ID == "" || a.Header.Get("Latchkey-Request-Id") != a.ID) {
		r.t.Errorf("%d %s: header %v", status, code, a.Header)
	}
}
