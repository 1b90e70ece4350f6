package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// Fault 15: another site's page sends a change with the member's cookie.
func TestAnotherSiteChangesNothing(t *testing.T) {
	c := config(t, &stub{})
	c.Origins = []string{"https://keys.example"}
	h := New(c)
	headers := map[string]struct {
		header  http.Header
		refused bool
	}{
		"script, no browser":      {http.Header{}, false},
		"own origin":              {http.Header{"Origin": {"http://console.example"}}, false},
		"own origin, new browser": {http.Header{"Origin": {"http://console.example"}, "Sec-Fetch-Site": {"same-origin"}}, false},
		"configured origin":       {http.Header{"Origin": {"https://keys.example"}, "Sec-Fetch-Site": {"cross-site"}}, false},
		"wrong origin":            {http.Header{"Origin": {"https://evil.example"}}, true},
		"origin null":             {http.Header{"Origin": {"null"}}, true},
		"other port":              {http.Header{"Origin": {"http://console.example:81"}}, true},
		"look-alike":              {http.Header{"Origin": {"http://console.example.evil.example"}}, true},
		"cross-site":              {http.Header{"Sec-Fetch-Site": {"cross-site"}}, true},
		"same-site":               {http.Header{"Sec-Fetch-Site": {"same-site"}}, true},
	}
	for _, r := range Routes() {
		if r.Method == http.MethodGet {
			continue
		}
		target := strings.ReplaceAll(r.pattern(), "{id}", "x")
		for name, want := range headers {
			w := call{target: target, header: want.header}.do(h) // no cookie: 401, 415 or 422 when let in
			if got := w.Code == 403 && problemOf(t, w).Code == "cross_origin"; got != want.refused {
				t.Errorf("%s with %s: refused %t, want %t", r.pattern(), name, got, want.refused)
			}
		}
	}
}

// A form can send text/plain across sites; every route with a body wants JSON.
func TestAFormIsNoRequest(t *testing.T) {
	h := New(config(t, &stub{}))
	for _, r := range new(server).routes() {
		if !r.hasBody {
			continue
		}
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data"} {
			c := call{target: strings.ReplaceAll(r.pattern(), "{id}", "x"), token: "owner", body: `{}`, header: http.Header{"Content-Type": {kind}}}
			wants(t, c.do(h), 415, "unsupported_media_type")
		}
	}
}

func TestNoAnswerOpensItselfToAnotherSite(t *testing.T) {
	c := config(t, &stub{})
	c.Secure = true
	h := New(c)
	for _, target := range []string{"GET /v1/keys", "POST /v1/session", "GET /v1/catalog", "GET /nothing", "GET /docs", "GET /openapi.yaml", "GET /health", "GET /"} {
		w := call{target: target, header: http.Header{"Origin": {"https://evil.example"}}}.do(h)
		for name, want := range map[string]string{
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Permissions-Policy":           "camera=()",
			"Strict-Transport-Security":    "max-age=31536000; includeSubDomains",
			"Content-Security-Policy":      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
			"X-Request-Id":                 "req_",
		} {
			if got := w.Header().Get(name); !strings.Contains(got, want) {
				t.Errorf("%s: %s is %q, want %q", target, name, got, want)
			}
		}
		if strings.Contains(w.Header().Get("Content-Security-Policy"), "unsafe") {
			t.Errorf("%s: the policy is unsafe", target)
		}
		for name := range w.Header() {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s opens the answer", target, name)
			}
		}
	}
}

// A browser whose clock is wrong shows how long a code lives by the Date of the
// answers. It is the time by which the code is judged, not the machine's.
func TestEveryAnswerSaysTheTimeByWhichItWasJudged(t *testing.T) {
	h := New(config(t, &stub{}))
	for _, target := range []string{"GET /v1/keys", "GET /v1/session", "GET /nothing", "GET /health", "GET /"} {
		if got := (call{target: target}).do(h).Header().Get("Date"); got != noon.UTC().Format(http.TimeFormat) {
			t.Errorf("%s: Date %q, want that of %s", target, got, noon)
		}
	}
}

func TestNothingOfTheAPIIsStored(t *testing.T) {
	h := New(config(t, &stub{}))
	for _, r := range Routes() {
		if !strings.HasPrefix(r.Path, "/v1/") {
			continue
		}
		w := call{target: strings.ReplaceAll(r.pattern(), "{id}", "x")}.do(h)
		if got := w.Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", r.pattern(), got)
		}
	}
}

func TestHSTSIsForTLSOnly(t *testing.T) {
	w := call{target: "GET /health"}.do(New(config(t, &stub{})))
	if got := w.Header().Get("Strict-Transport-Security"); got != "" {
		t.Errorf("HSTS without TLS: %q", got)
	}
}

func TestTheConsoleHasEveryOtherPath(t *testing.T) {
	c := config(t, &stub{})
	c.Console = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "its own")
		w.Write([]byte("console " + r.URL.Path))
	})
	h := New(c)
	for _, path := range []string{"/", "/keys", "/assets/a.js"} {
		w := call{target: "GET " + path}.do(h)
		if w.Body.String() != "console "+path || w.Header().Get("Content-Security-Policy") != "its own" || w.Header().Get("X-Content-Type-Options") == "" {
			t.Errorf("%s: %q %v", path, w.Body, w.Header())
		}
	}
	wants(t, call{target: "GET /v1/keys"}.do(h), 401, "not_signed_in")
}

func TestAnUnhealthyNodeSaysSoWithoutDetails(t *testing.T) {
	c := config(t, &stub{})
	c.Health = func(context.Context) error { return errors.New("password of the database is wrong") }
	w := call{target: "GET /health"}.do(New(c))
	wants(t, w, 503, "unhealthy")
	if strings.Contains(w.Body.String(), "database") {
		t.Errorf("the cause went outside: %s", w.Body)
	}
}
