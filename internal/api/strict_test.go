package api

import (
	"net/http"
	"strings"
	"testing"
)

func TestABodyThatTwoReadersCouldReadDifferentlyIsRefused(t *testing.T) {
	h := New(config(t, &stub{}))
	ok := `{"email":"a@example.com","password":"p"}`
	if w := (call{target: "POST /v1/session", body: ok}).do(h); w.Code != 200 {
		t.Fatalf("the plain body: %d %s", w.Code, w.Body)
	}
	for name, c := range map[string]struct {
		body   string
		status int
		code   string
		field  string
	}{
		"member twice":        {`{"email":"a@example.com","password":"p","password":"q"}`, 400, "malformed_json", ""},
		"member twice, case":  {`{"email":"a@example.com","password":"p","PASSWORD":"q"}`, 400, "malformed_json", ""},
		"folded member":       {`{"email":"a@example.com","Password":"p"}`, 422, "invalid_input", "password"},
		"unknown member":      {`{"email":"a@example.com","password":"p","remember":true}`, 422, "invalid_input", "remember"},
		"missing member":      {`{"email":"a@example.com"}`, 422, "invalid_input", "password"},
		"bad UTF-8":           {"{\"email\":\"a\xff@example.com\",\"password\":\"p\"}", 400, "malformed_json", ""},
		"half surrogate":      {`{"email":"a\ud800@example.com","password":"p"}`, 400, "malformed_json", ""},
		"too deep":            {strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), 400, "malformed_json", ""},
		"array":               {`[]`, 400, "malformed_json", ""},
		"two objects":         {ok + ok, 400, "malformed_json", ""},
		"byte order mark":     {"\ufeff" + ok, 400, "malformed_json", ""},
		"cut":                 {ok[:len(ok)-1], 400, "malformed_json", ""},
		"number for a string": {`{"email":"a@example.com","password":1}`, 422, "invalid_input", "password"},
		"null":                {`{"email":"a@example.com","password":null}`, 422, "invalid_input", "password"},
		"null with blanks":    {`{"email":"a@example.com","password": null }`, 422, "invalid_input", "password"},
		"too long":            {`{"email":"` + strings.Repeat("a", 255) + `","password":"p"}`, 422, "invalid_input", "email"},
		"too large":           {`{"email":"` + strings.Repeat("a", maxBody) + `"}`, 413, "body_too_large", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := wants(t, call{target: "POST /v1/session", body: c.body}.do(h), c.status, c.code)
			if p.Field != c.field {
				t.Errorf("field %q, want %q", p.Field, c.field)
			}
		})
	}
}

func TestOnlyJSONIsABody(t *testing.T) {
	h := New(config(t, &stub{}))
	for kind, status := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "Application/JSON": 200,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415, "": 415,
		"application/json; charset=utf-16": 415, "application/json, text/plain": 415, "application/merge-patch+json": 415,
		"application/cbor": 415, "text/plain; application/json": 415,
	} {
		c := call{target: "POST /v1/session", body: `{"email":"a@example.com","password":"p"}`, header: http.Header{"Content-Type": {kind}}}
		if w := c.do(h); w.Code != status {
			t.Errorf("Content-Type %q: %d, want %d", kind, w.Code, status)
		}
	}
	c := call{target: "POST /v1/session", body: `{}`, header: http.Header{"Content-Type": {"application/json", "text/plain"}}}
	wants(t, c.do(h), 415, "unsupported_media_type")
}

// The mistake: a filter in front decodes what is said to be compressed, or lets
// it pass unread, while this server reads the bytes as they are.
func TestACodedBodyIsRefused(t *testing.T) {
	h := New(config(t, &stub{}))
	for _, coding := range []string{"gzip", "identity", ""} {
		c := call{target: "POST /v1/session", body: `{"email":"a@example.com","password":"p"}`, header: http.Header{"Content-Encoding": {coding}}}
		wants(t, c.do(h), 415, "unsupported_media_type")
	}
}

// The mistake: null where a member may be missing is read as missing by one and
// as an empty list, which opens a key to any address, by another.
func TestANullIsNotAMissingMember(t *testing.T) {
	h := New(config(t, &stub{}))
	for _, name := range []string{"allowlist", "permissions"} {
		p := wants(t, call{target: "PATCH /v1/keys/lk_1", token: "owner", body: `{"version":1,"` + name + `":null}`}.do(h), 422, "invalid_input")
		if p.Field != name {
			t.Errorf("field %q, want %q", p.Field, name)
		}
	}
}

// The mistake: an Idempotency-Key that came empty, or twice, was dropped, and
// the client believed that its request could not happen a second time.
func TestAnIdempotencyKeyIsOneText(t *testing.T) {
	s := &stub{}
	h := New(config(t, s))
	for _, values := range [][]string{{""}, {"a", "a"}, {"a", "b"}, {"", "a"}} {
		c := call{target: "POST /v1/keys", token: "owner", body: `{"name":"a","permissions":[],"allowlist":[]}`, header: http.Header{"Idempotency-Key": values}}
		if p := wants(t, c.do(h), 422, "invalid_input"); p.Field != "Idempotency-Key" || s.idem.Key != "" {
			t.Errorf("%q: field %q", values, p.Field)
		}
	}
}

func TestARouteWithoutABodyTakesNone(t *testing.T) {
	h := New(config(t, &stub{}))
	for _, target := range []string{"GET /v1/keys", "DELETE /v1/session", "GET /docs"} {
		wants(t, call{target: target, token: "owner", body: `{}`}.do(h), 400, "body_not_expected")
	}
	wants(t, call{target: "POST /v1/keys/lk_1/deactivate", token: "owner", body: `{"version":1}`}.do(h), 400, "body_not_expected")
}

// An emergency stop must not fail because a client sends {} with every POST.
func TestAPOSTWithoutABodyTakesAnEmptyObject(t *testing.T) {
	h := New(config(t, &stub{}))
	targets := 0
	for _, r := range new(server).routes() {
		if r.Method != http.MethodPost || r.hasBody {
			continue
		}
		targets++
		target := strings.ReplaceAll(r.pattern(), "{id}", "x")
		for body, taken := range map[string]bool{
			"": true, "{}": true, " {\r\n\t} ": true,
			"{} {}": false, "{{}}": false, "{": false, "}": false, "[]": false, "null": false, `{"a":1}`: false, "{}x": false, "\u00a0{}": false,
		} {
			w := call{target: target, token: "owner", body: body}.do(h)
			if refused := w.Code == 400 && problemOf(t, w).Code == "body_not_expected"; refused == taken {
				t.Errorf("%s with %q: %d", target, body, w.Code)
			}
		}
		plain := http.Header{"Content-Type": {"text/plain"}}
		wants(t, call{target: target, token: "owner", body: "{}", header: plain}.do(h), 400, "body_not_expected")
	}
	if targets != 3 {
		t.Errorf("%d routes; deactivate, resend and cancel are three", targets)
	}
}

func TestAQueryThatWouldBeDroppedIsRefused(t *testing.T) {
	h := New(config(t, &stub{}))
	for query, code := range map[string]string{
		"limit=2;cursor=1":       "malformed_query", // net/url drops what holds a semicolon
		"limit=%zz":              "malformed_query",
		"limit=1&limit=2":        "repeated_parameter",
		"key=lk_1&key=lk_2":      "repeated_parameter",
		"limt=1":                 "invalid_input",
		"limit=0":                "invalid_input",
		"limit=201":              "invalid_input",
		"limit=x":                "invalid_input",
		"cursor=-1":              "invalid_input",
		"from=yesterday":         "invalid_input",
		"type=key_edited&type=x": "invalid_input",
		"key=%00":                "invalid_input",
		"key=%ff":                "invalid_input",
		"key=":                   "invalid_input",
		"limit":                  "invalid_input",
		"type=key_edited&type=":  "invalid_input",
	} {
		if p := problemOf(t, call{target: "GET /v1/activities?" + query, token: "owner"}.do(h)); p.Code != code {
			t.Errorf("%s: %s, want %s", query, p.Code, code)
		}
	}
	good := "?limit=2&type=key_edited&type=key_created&from=2026-03-01T00:00:00Z&key=lk_1&cursor=9"
	if w := (call{target: "GET /v1/activities" + good, token: "owner"}).do(h); w.Code != 200 {
		t.Errorf("%s: %d %s", good, w.Code, w.Body)
	}
}

func TestAnImpossibleIDIsNotFound(t *testing.T) {
	h := New(config(t, &stub{}))
	for _, id := range []string{"%00", "%ff", "a%2fb", "%2e%2e", strings.Repeat("a", 65), "'", "a b"} {
		target := "GET /v1/keys/" + strings.ReplaceAll(id, " ", "%20")
		wants(t, call{target: target, token: "owner"}.do(h), 404, "not_found")
	}
}

func TestUnknownRoutesAndMethodsAreProblems(t *testing.T) {
	h := New(config(t, &stub{}))
	wants(t, call{target: "GET /v1/nothing"}.do(h), 404, "no_such_route")
	wants(t, call{target: "GET /v1/"}.do(h), 404, "no_such_route")
	wants(t, call{target: "GET /nothing"}.do(h), 404, "no_such_route")
	w := call{target: "PUT /v1/keys", token: "owner"}.do(h)
	wants(t, w, 405, "method_not_allowed")
	if got := strings.Join(w.Header().Values("Allow"), ", "); got != "GET, HEAD, POST" {
		t.Errorf("Allow: %q", got)
	}
	wants(t, call{target: "OPTIONS /v1/keys"}.do(h), 405, "method_not_allowed")
}
