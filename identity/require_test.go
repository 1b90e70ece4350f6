package identity_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"latchkey/identity"
)

// echo answers with the caller's key and the body that it could read.
func echo(w http.ResponseWriter, r *http.Request, caller identity.Caller) {
	body, err := io.ReadAll(r.Body)
	if err != nil || int64(len(body)) != r.ContentLength {
		http.Error(w, "the body was not restored", http.StatusInternalServerError)
		return
	}
	_, _ = w.Write([]byte(caller.Key + " " + string(body)))
}

func guard(limit int64) identity.Guard {
	return identity.Guard{Secret: secret, Limit: limit, Window: identity.Window, Now: func() time.Time { return now }}
}

// request is signed for bot as the gateway would.
func request(t *testing.T, url, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(method, url, strings.NewReader(body))
	signed, err := identity.Sign(secret, now, bot, method, identity.Target(r), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range signed {
		r.Header.Set(h.Name, h.Value)
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// answers checks for a refusal in JSON that the handler had no part in.
func answers(t *testing.T, w *httptest.ResponseRecorder, status int, code, text string) {
	t.Helper()
	var got struct{ Error, Code string }
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%d %s is not a refusal: %v", w.Code, w.Body, err)
	}
	if w.Code != status || got.Code != code || !strings.Contains(got.Error, text) || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("answer is %d %v %+v, want %d %s %q", w.Code, w.Header(), got, status, code, text)
	}
}

func TestTheHandlerGetsCallerAndBody(t *testing.T) {
	for _, url := range []string{"/rest/do_my_new_order", "/do_my_new_order", "/a/b/do_my_new_order?x=1&y=%20"} {
		w := serve(guard(64).Require(echo), request(t, url, `{"a":1}`))
		if w.Code != 200 || w.Body.String() != `bot-1 {"a":1}` {
			t.Errorf("%s: %d %s", url, w.Code, w.Body)
		}
	}
}

func TestARequestPastTheGatewayIsRefused(t *testing.T) {
	never := func(http.ResponseWriter, *http.Request, identity.Caller) { t.Error("the handler was reached") }
	h := guard(64).Require(never)

	answers(t, serve(h, httptest.NewRequest(method, "/rest/"+target, strings.NewReader("{}"))), 403, "identity", "Latchkey-Account is missing")

	r := request(t, "/rest/"+target, "{}")
	r.Header.Add("Latchkey-Key", "bot-2")
	answers(t, serve(h, r), 403, "identity", "Latchkey-Key stands 2 times")

	r = request(t, "/rest/"+target, "{}")
	r.Header["Latchkey_permissions"] = []string{"read,funds_external"}
	answers(t, serve(h, r), 403, "identity", "looks like Latchkey-Permissions")

	r = request(t, "/rest/"+target, "{}")
	r.Body = io.NopCloser(strings.NewReader("{ }"))
	answers(t, serve(h, r), 403, "identity", "does not fit this request")

	r = request(t, "/rest/"+target, "{}")
	r.URL.Path = "/rest/do_withdrawal_funds"
	answers(t, serve(h, r), 403, "identity", "does not fit this request")

	for _, query := range []string{"a=1", "a;b"} {
		r = request(t, "/rest/"+target, "{}")
		r.URL.RawQuery = query
		answers(t, serve(h, r), 403, "identity", "does not fit this request")
	}

	r = request(t, "/rest/"+target, "{}")
	r.URL.Path += "/"
	answers(t, serve(h, r), 403, "identity", "last element of the path")
}

func TestTheBodyIsBounded(t *testing.T) {
	if w := serve(guard(8).Require(echo), request(t, "/"+target, "12345678")); w.Code != 200 {
		t.Errorf("8 bytes: %d %s", w.Code, w.Body)
	}
	answers(t, serve(guard(8).Require(echo), request(t, "/"+target, "123456789")), 413, "too_large", "longer than 8 bytes")
	answers(t, serve(guard(0).Require(echo), request(t, "/"+target, "1")), 413, "too_large", "longer than 0 bytes")
	answers(t, serve(guard(-1).Require(echo), request(t, "/"+target, "1")), 413, "too_large", "longer than 0 bytes")
}

// broken is a client that goes away in the middle of its body.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

func TestABrokenBodyIsRefused(t *testing.T) {
	r := request(t, "/"+target, "{}")
	r.Body = io.NopCloser(broken{})
	answers(t, serve(guard(8).Require(echo), r), 400, "bad_body", "could not be read")
}

func TestTheZeroGuardRefusesEverything(t *testing.T) {
	answers(t, serve(identity.Guard{}.Require(echo), request(t, "/"+target, "")), 403, "identity", "shorter than 16 bytes")
	g := guard(8)
	g.Window = 0
	answers(t, serve(g.Require(echo), request(t, "/"+target, "{}")), 403, "identity", "outside the window")
}

func TestRequireUsesTheRealClock(t *testing.T) {
	h := identity.Require(secret, 8, echo)
	answers(t, serve(h, request(t, "/"+target, "{}")), 403, "identity", "outside the window") // signed in 2023
}

// Over a real connection, also chunked: what net/http does with the headers
// (an empty value, the canonical form) must not get in the way.
func TestOverARealConnection(t *testing.T) {
	server := httptest.NewServer(guard(64).Require(echo))
	defer server.Close()
	for name, caller := range map[string]identity.Caller{"bot-1": bot, "": nobody} {
		signed, err := identity.Sign(secret, now, caller, method, target, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest(method, server.URL+"/rest/"+target, io.MultiReader(bytes.NewReader([]byte("{}"))))
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range signed {
			r.Header.Set(h.Name, h.Value)
		}
		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != 200 || string(got) != name+" {}" {
			t.Errorf("%d %s %v", answer.StatusCode, got, err)
		}
	}
}
