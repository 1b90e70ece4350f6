package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"latchkey"
)

func TestAGuardNobodyStatedRefusesEverybody(t *testing.T) {
	s := &server{Config: config(t, &stub{})}
	reached := false
	for _, guard := range []Guard{"", "everyone", "Owner"} {
		h := s.visited(s.guarded(guard, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })))
		for _, token := range []string{"", "half", "subuser", "owner"} {
			if w := (call{target: "GET /", token: token}).do(h); w.Code < 400 || reached {
				t.Errorf("guard %q let %q through: %d", guard, token, w.Code)
			}
		}
	}
}

func TestARouteWithoutARowCannotBeRegistered(t *testing.T) {
	s := &server{Config: config(t, &stub{}), mux: http.NewServeMux(), table: map[string]route{}}
	defer func() {
		if recover() == nil {
			t.Error("a pattern that stands in no row was registered")
		}
	}()
	s.HandleFunc("GET /v1/back-door", func(http.ResponseWriter, *http.Request) {})
}

func TestTheGuardSpeaksBeforeTheBodyIsRead(t *testing.T) {
	h := New(config(t, &stub{}))
	bad := strings.Repeat("x", maxBody+1)
	wants(t, call{target: "POST /v1/keys", body: bad}.do(h), 401, "not_signed_in")
	wants(t, call{target: "POST /v1/keys?%zz", token: "half", body: bad}.do(h), 401, "sign_in_unfinished")
	wants(t, call{target: "POST /v1/keys", token: "subuser", body: bad}.do(h), 403, "forbidden")
	wants(t, call{target: "POST /v1/keys", token: "owner", body: bad}.do(h), 413, "body_too_large")
}

func TestARefusalOfAMemberIsRecorded(t *testing.T) {
	s := &stub{}
	h := New(config(t, s))
	wants(t, call{target: "PATCH /v1/keys/lk_1", token: "subuser"}.do(h), 403, "forbidden")
	if want := []string{"PATCH /v1/keys/{id}"}; !slices.Equal(s.noted, want) {
		t.Errorf("recorded %q, want %q", s.noted, want)
	}
	for _, token := range []string{"", "half", "owner"} {
		call{target: "GET /v1/keys", token: token}.do(h)
	}
	if len(s.noted) != 1 {
		t.Errorf("recorded %q: only a member's refusal is one", s.noted)
	}
}

func TestARefusalStandsWhenItCannotBeRecorded(t *testing.T) {
	h := New(config(t, &stub{fail: errors.New("disk full")}))
	wants(t, call{target: "GET /v1/keys", token: "subuser"}.do(h), 403, "forbidden")
}

func TestTwoSessionCookiesAreNone(t *testing.T) {
	h := New(config(t, &stub{}))
	w := call{target: "GET /v1/keys", header: http.Header{"Cookie": {"latchkey=owner; latchkey=owner"}}}.do(h)
	wants(t, w, 401, "not_signed_in")
	if got := w.Header().Get("WWW-Authenticate"); got == "" {
		t.Error("a 401 names no scheme (RFC 9110, 15.5.2)")
	}
}

func TestOnlyTheCookieIsASession(t *testing.T) {
	h := New(config(t, &stub{}))
	for _, header := range []http.Header{
		{"Authorization": {"Bearer owner"}}, {"X-Latchkey": {"owner"}}, {"Cookie": {"LATCHKEY=owner"}}, {"Cookie": {"__Host-latchkey=owner"}},
	} {
		wants(t, call{target: "GET /v1/keys", header: header}.do(h), 401, "not_signed_in")
	}
	wants(t, call{target: "GET /v1/keys?latchkey=owner"}.do(h), 401, "not_signed_in")
}

func TestTheSessionCookieIsClosed(t *testing.T) {
	body := `{"email":"a@example.com","password":"p"}`
	c := config(t, &stub{})
	w := call{target: "POST /v1/session", body: body}.do(New(c))
	if got, want := w.Header().Get("Set-Cookie"), "latchkey=fresh; Path=/; HttpOnly; SameSite=Strict"; got != want {
		t.Errorf("cookie %q, want %q", got, want)
	}
	c.Secure = true
	w = call{target: "POST /v1/session", body: body}.do(New(c))
	if got, want := w.Header().Get("Set-Cookie"), "__Host-latchkey=fresh; Path=/; HttpOnly; Secure; SameSite=Strict"; got != want {
		t.Errorf("cookie %q, want %q", got, want)
	}
}

func TestSignOutDeletesTheCookieAndConfirmRenewsIt(t *testing.T) {
	h := New(config(t, &stub{}))
	w := call{target: "DELETE /v1/session", token: "half"}.do(h)
	if got := w.Header().Get("Set-Cookie"); w.Code != 204 || !strings.Contains(got, "latchkey=;") || !strings.Contains(got, "Max-Age=0") {
		t.Errorf("%d, cookie %q", w.Code, got)
	}
	w = call{target: "POST /v1/pending/pen_1/confirm", token: "half", body: `{"code":"123456"}`}.do(h)
	if got := w.Header().Get("Set-Cookie"); w.Code != 201 || !strings.HasPrefix(got, "latchkey=newer;") {
		t.Errorf("%d, cookie %q", w.Code, got)
	}
}

func TestSignOutKeepsTheCookieWhenItFailed(t *testing.T) {
	h := New(config(t, &stub{fail: latchkey.Errorf(latchkey.KindUnavailable, "busy", "later")}))
	w := call{target: "DELETE /v1/session", token: "owner"}.do(h)
	wants(t, w, 503, "busy")
	if got := w.Header().Get("Set-Cookie"); got != "" {
		t.Errorf("the session lives on, but its cookie was deleted: %q", got)
	}
}

// Who opens the console without a session is nobody, which is no error; a
// session that could not be looked for is one.
func TestAVisitorIsNobodyOrKnown(t *testing.T) {
	h := New(config(t, &stub{}))
	for token, status := range map[string]int{"": 204, "unknown": 204, "half": 200} {
		w := call{target: "GET /v1/session", token: token}.do(h)
		if w.Code != status || (status == 204) != (w.Body.Len() == 0) {
			t.Errorf("token %q: %d %q", token, w.Code, w.Body)
		}
	}
	s := &server{Config: lostConfig(t)}
	reached := false
	guarded := s.visited(s.guarded(Visitor, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })))
	if w := (call{target: "GET /", token: "owner"}).do(guarded); w.Code != 500 || reached {
		t.Errorf("a store that does not answer: %d, reached %t", w.Code, reached)
	}
}

// lost cannot look for sessions.
type lost struct{ stub }

func (*lost) Authenticate(context.Context, string, string) (latchkey.Actor, latchkey.Session, latchkey.Member, error) {
	return latchkey.Actor{}, latchkey.Session{}, latchkey.Member{}, errors.New("the database does not answer")
}

func lostConfig(t *testing.T) Config {
	t.Helper()
	c := config(t, &stub{})
	c.Authority = &lost{}
	return c
}
