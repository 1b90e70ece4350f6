package api_test

import (
	"net/http"
	"strings"
	"testing"

	"latchkey/internal/api"
)

// forgeries are the requests that a page of another site can make a browser send
// with its user's cookies: as headers, name and value in turn. Each of the first
// four is enough by itself; a form can send three kinds of text.
var forgeries = map[string][]string{
	"from another site":         {"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
	"from an old browser":       {"Origin", "https://evil.example"},
	"from a frame without name": {"Origin", "null", "Sec-Fetch-Site", "cross-site"},
	"from a neighbour":          {"Sec-Fetch-Site", "same-site"},
	"without an origin":         {"Sec-Fetch-Site", "cross-site"},
	"a form, text/plain":        {"Content-Type", "text/plain", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
	"a form of an old browser":  {"Content-Type", "text/plain"},
	"a form with fields":        {"Content-Type", "application/x-www-form-urlencoded"},
	"a form with files":         {"Content-Type", "multipart/form-data; boundary=x"},
	"JSON in a parameter":       {"Content-Type", "text/plain; application/json"},
}

// Fault 15: a page of another site makes the browser of somebody who is signed
// in change something. Every route that changes anything, from the router's own
// table, gets a request that it would carry out, with the cookie of whoever may
// do most there, and the marks of each forgery. All are refused, nothing is
// written, and without the marks the same request does its work.
func TestAForgedRequestThatWouldWorkChangesNothing(t *testing.T) {
	s := newScene(t)
	for _, route := range api.Routes() {
		if route.Method == http.MethodGet {
			continue
		}
		target := route.Method + " " + route.Path
		t.Run(strings.ReplaceAll(target, "/", "_"), func(t *testing.T) {
			row, ok := matrix[target]
			if !ok {
				t.Fatal("a route without a row in the matrix cannot be forged, and is not shown to be safe")
			}
			w, who, want := s.copied(t), "owner", row.owner
			if route.Guard == api.Operator {
				who, want = "nodes", row.nodes
			}
			path := s.names.Replace(strings.Replace(target, "{id}", row.path, 1))
			if before, query, ok := strings.Cut(row.path, "?"); ok {
				path = s.names.Replace(strings.Replace(target, "{id}", before, 1)) + "?" + query
			}
			before := w.written(t, s)
			for name, header := range forgeries {
				if row.body == "" && header[0] == "Content-Type" && len(header) == 2 {
					continue // a form without fields is a request without a body; its Origin gives it away
				}
				got := s.as(w, who).call(path, s.names.Replace(row.body), header...)
				code := got.at("code")
				if code != "cross_origin" && code != "unsupported_media_type" || got.header.Get("Set-Cookie") != "" {
					t.Errorf("%s: %d %s", name, got.status, got.text)
				}
			}
			if after := w.written(t, s); after != before {
				t.Errorf("something was written:\n%s\nbefore:\n%s", after, before)
			}
			if got := s.as(w, who).call(path, s.names.Replace(row.body)); got.status != want {
				t.Errorf("the same request without the marks of a forgery: %d, want %d: %s", got.status, want, got.text)
			}
		})
	}
}

// written is what a change would change: the keys, the history, who is signed in.
func (w *world) written(t *testing.T, s scene) string {
	t.Helper()
	var all strings.Builder
	for _, path := range []string{"/v1/keys", "/v1/activities", "/v1/sessions", "/v1/factors", "/v1/session"} {
		got := s.as(w, "owner").call("GET "+path, "")
		if got.status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, got.status, got.text)
		}
		all.WriteString(got.text + "\n")
	}
	return all.String()
}
