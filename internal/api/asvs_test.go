package api

import (
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
)

// everyTarget is each route, and what lies beside them.
func everyTarget() []string {
	targets := []string{"GET /", "GET /settings/api-keys", "GET /assets/index-abc.js", "GET /icon.svg", "GET /nothing.txt", "GET /v1/nothing", "PUT /v1/keys"}
	for _, r := range Routes() {
		targets = append(targets, strings.ReplaceAll(strings.ReplaceAll(r.pattern(), "{id}", "x"), "{session}", "y"))
	}
	return targets
}

// A browser that has to guess what an answer is may guess a page (ASVS 4.1.1).
func TestEveryAnswerSaysWhatItIs(t *testing.T) {
	h := withConsole(t, built)
	for _, token := range []string{"", "half", "owner"} {
		for _, target := range everyTarget() {
			w := call{target: target, token: token}.do(h)
			if w.Body.Len() == 0 {
				continue
			}
			kind, params, err := mime.ParseMediaType(w.Header().Get("Content-Type"))
			if err != nil {
				t.Errorf("%s: Content-Type %q: %v", target, w.Header().Get("Content-Type"), err)
			}
			// JSON, YAML and SVG say their encoding themselves, or have only one.
			if strings.HasPrefix(kind, "text/") && !strings.EqualFold(params["charset"], "utf-8") {
				t.Errorf("%s: %s without its encoding", target, kind)
			}
		}
	}
}

// Somebody sends a link to the console that leads on to a page of theirs; or a
// script that forgot the s of https is led on without anybody noticing what it
// has sent in the clear (ASVS 3.7.2, 4.1.2).
func TestNothingRedirectsToAnotherPlace(t *testing.T) {
	c := config(t, &stub{})
	c.Secure = true
	console, err := NewConsole(fstest.MapFS(built))
	if err != nil {
		t.Fatal(err)
	}
	c.Console = console
	h := New(c)
	targets := append(everyTarget(),
		"GET //evil.example", "GET //evil.example/%2e%2e", "GET /\\evil.example", "GET /%5Cevil.example", "GET /sign-in?to=https://evil.example",
		"GET /?to=//evil.example", "GET //v1/keys", "GET /v1/../v1/keys", "POST //v1/session")
	for _, target := range targets {
		for _, header := range []http.Header{{}, {"X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"evil.example"}}} {
			w := call{target: target, token: "owner", header: header}.do(h)
			to, err := url.Parse(w.Header().Get("Location"))
			if err != nil || to.Host != "" || to.Scheme != "" || strings.HasPrefix(to.Path, "//") || strings.HasPrefix(to.Path, `/\`) {
				t.Errorf("%s: %d leads to %q", target, w.Code, w.Header().Get("Location"))
			}
		}
	}
}

// TRACE gives back what was sent, cookies and all (ASVS 13.4.4).
func TestTRACEIsNotSpoken(t *testing.T) {
	h := withConsole(t, built)
	for _, path := range []string{"/", "/v1/keys", "/v1/session", "/health", "/docs", "/assets/index-abc.js"} {
		w := call{target: "TRACE " + path, token: "owner-canary"}.do(h)
		if w.Code != http.StatusMethodNotAllowed && w.Code != http.StatusNotFound {
			t.Errorf("TRACE %s: %d", path, w.Code)
		}
		if strings.Contains(w.Body.String(), "owner-canary") {
			t.Errorf("TRACE %s repeats the cookie", path)
		}
	}
}

// A GET that changes something can be set off by a picture of another site
// (ASVS 3.5.3). Reads are named here; whoever adds one has to look.
func TestNoGETChangesAnything(t *testing.T) {
	reads := []string{
		"/v1/session", "/v1/sessions", "/v1/account", "/v1/members", "/v1/factors", "/v1/keys", "/v1/keys/{id}", "/v1/keys/{id}/refused-calls",
		"/v1/keys/{id}/sessions", "/v1/pending/{id}", "/v1/activities", "/v1/activities.csv", "/v1/catalog", "/v1/nodes", "/v1/receipt",
		"/health", "/openapi.yaml", "/openapi.json", "/docs",
	}
	known := map[string]bool{}
	for _, path := range reads {
		known[path] = true
	}
	for _, r := range Routes() {
		if r.Method == http.MethodGet && !known[r.Path] {
			t.Errorf("%s is no read that is known here", r.pattern())
		}
		if r.Method != http.MethodGet && r.Method != http.MethodPost && r.Method != http.MethodPut && r.Method != http.MethodPatch && r.Method != http.MethodDelete {
			t.Errorf("%s is a method that browsers may send by themselves", r.pattern())
		}
	}
}
