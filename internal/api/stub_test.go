package api

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/signature"
)

// noon is when the tests happen.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stub stands in for the authority where a test is about the transport: what
// the real one never answers (a failure, a panic) comes from here. A method
// that a test did not set panics. The real one is in matrix_test.go.
type stub struct {
	Authority
	fail    error // what every method below returns
	silent  error // what the gateways answer when sessions are counted
	noted   []string
	asked   []latchkey.ActivityQuery
	entries []latchkey.Activity
	idem    authority.Idempotency
	visitor authority.Visitor
	panics  func()
}

// Authenticate knows the tokens owner, subuser and half.
func (s *stub) Authenticate(_ context.Context, token, ip string) (latchkey.Actor, latchkey.Session, latchkey.Member, error) {
	role := latchkey.RoleOwner
	switch token {
	case "subuser":
		role = latchkey.RoleSubuser
	case "owner", "half":
	default:
		return latchkey.Actor{}, latchkey.Session{}, latchkey.Member{}, latchkey.Errorf(latchkey.KindUnauthorized, "not_signed_in", "sign in first")
	}
	session := latchkey.Session{ID: "ses_1", MemberID: "mem_1", Full: token != "half", CreatedAt: noon, LastSeen: noon, EndsAt: noon.Add(24 * time.Hour)}
	member := latchkey.Member{ID: "mem_1", AccountID: "acc_1", Email: "a@example.com", Role: role}
	actor := latchkey.Actor{Source: latchkey.SourceConsole, AccountID: "acc_1", MemberID: "mem_1", SessionID: "ses_1", Role: role, IP: ip}
	return actor, session, member, nil
}

func (s *stub) SignIn(_ context.Context, v authority.Visitor, _, _ string) (authority.SignedIn, error) {
	s.visitor = v
	if s.panics != nil {
		s.panics()
	}
	return authority.SignedIn{Token: "fresh", Session: latchkey.Session{ID: "ses_2", Full: true, CreatedAt: noon, LastSeen: noon, EndsAt: noon}, Member: latchkey.Member{Role: latchkey.RoleOwner}}, s.fail
}

func (s *stub) NoteRefused(_ context.Context, _ latchkey.Actor, note string) error {
	s.noted = append(s.noted, note)
	return s.fail
}

func (s *stub) Keys(context.Context, latchkey.Actor) ([]latchkey.Key, error) { return nil, s.fail }

func (s *stub) Members(context.Context, latchkey.Actor) ([]latchkey.Member, error) {
	return nil, s.fail
}

func (s *stub) Sessions(context.Context, latchkey.Actor) ([]latchkey.Session, error) {
	return nil, s.fail
}

func (s *stub) SignOut(context.Context, latchkey.Actor) error { return s.fail }

func (s *stub) ChangePassword(context.Context, latchkey.Actor, string, string) error { return s.fail }

func (s *stub) Confirm(context.Context, latchkey.Actor, string, authority.Answer) (authority.Outcome, error) {
	return authority.Outcome{Operation: latchkey.OpCreate, Key: &latchkey.Key{Status: latchkey.StatusInactive, Permissions: latchkey.Read}, Secret: "the-secret", Token: "newer"}, s.fail
}

func (s *stub) Create(_ context.Context, _ latchkey.Actor, _ authority.NewKey, idem authority.Idempotency) (authority.Step, error) {
	repeated := idem.Key != "" && idem == s.idem
	s.idem = idem
	return authority.Step{Repeated: repeated}, s.fail
}

func (s *stub) EnrolPhone(_ context.Context, _ latchkey.Actor, _, _ string, idem authority.Idempotency) (authority.Step, error) {
	s.idem = idem
	return authority.Step{}, s.fail
}

// Activities pages over entries, newest first.
func (s *stub) Activities(_ context.Context, _ latchkey.Actor, q latchkey.ActivityQuery) ([]latchkey.Activity, error) {
	s.asked = append(s.asked, q)
	var page []latchkey.Activity
	for _, a := range s.entries {
		if (q.Before == 0 || a.Seq < q.Before) && len(page) < q.Limit {
			page = append(page, a)
		}
	}
	if s.fail != nil && q.Before != 0 { // the first page works, a later one does not
		return nil, s.fail
	}
	return page, nil
}

// config is a complete Config over the stub.
func config(t *testing.T, s *stub) Config {
	t.Helper()
	catalog, err := latchkey.NewCatalog([]latchkey.Action{
		{Name: "get_my_orders", Permission: latchkey.Read, Cost: 1, REST: true, WS: true, Purpose: "List orders.", Group: "Orders"},
		{Name: "get_ticker", PublicCost: 1, PublicREST: true, Purpose: "Prices.", Group: "Market"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Authority: s, Catalog: catalog, Limits: latchkey.DefaultLimits(), Now: func() time.Time { return noon },
		ScanJSON: func(body []byte) error { return signature.ScanJSON(body) },
		Log:      slog.New(slog.DiscardHandler),
	}
}

// logged returns a handler and what it logs, at debug level.
func logged(t *testing.T, s *stub) (http.Handler, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	c := config(t, s)
	c.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return New(c), &log
}

// call is one request. Target is "METHOD path".
type call struct {
	target, token, body string
	header              http.Header
}

// do sends the call with a JSON content type where there is a body.
func (c call) do(h http.Handler) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(c.target, " ")
	r := httptest.NewRequest(method, "http://console.example"+path, strings.NewReader(c.body))
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.AddCookie(&http.Cookie{Name: "latchkey", Value: c.token})
	}
	for name, values := range c.header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// problemOf reads the answer as a Problem and checks its form.
func problemOf(t *testing.T, w *httptest.ResponseRecorder) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("status %d is no problem: %q", w.Code, w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q, want application/problem+json", got)
	}
	if p.Status != w.Code || p.Code == "" || p.Detail == "" || p.Type != "/docs#code-"+p.Code || p.RequestID != w.Header().Get("X-Request-Id") {
		t.Errorf("incomplete problem: %+v", p)
	}
	return p
}

// wants fails unless the answer is the problem with that status and code.
func wants(t *testing.T, w *httptest.ResponseRecorder, status int, code string) Problem {
	t.Helper()
	p := problemOf(t, w)
	if p.Status != status || p.Code != code {
		t.Errorf("got %d %s, want %d %s", p.Status, p.Code, status, code)
	}
	return p
}

func (s *stub) RefusedByHour(context.Context, latchkey.Actor) (map[string][authority.Day]int64, error) {
	return nil, s.fail
}

func (s *stub) KeySessionCounts(context.Context, latchkey.Actor) (map[string]int, error) {
	return nil, s.silent
}

func (s *stub) Deactivate(context.Context, latchkey.Actor, string) (latchkey.Key, latchkey.Receipt, error) {
	return latchkey.Key{Status: latchkey.StatusInactive, Permissions: latchkey.Read}, latchkey.Receipt{}, s.fail
}

func (s *stub) Resend(context.Context, latchkey.Actor, string) (authority.Step, error) {
	return authority.Step{}, s.fail
}

func (s *stub) Cancel(context.Context, latchkey.Actor, string) error { return s.fail }
