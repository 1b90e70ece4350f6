package api

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"latchkey"
)

func TestEveryKindHasItsStatus(t *testing.T) {
	for kind, status := range map[latchkey.Kind]int{
		latchkey.KindInvalid: 422, latchkey.KindUnauthorized: 401, latchkey.KindForbidden: 403, latchkey.KindNotFound: 404,
		latchkey.KindConflict: 409, latchkey.KindLimit: 429, latchkey.KindUnavailable: 503,
	} {
		h := New(config(t, &stub{fail: latchkey.Errorf(kind, "some_code", "some text")}))
		p := wants(t, call{target: "GET /v1/keys", token: "owner"}.do(h), status, "some_code")
		if p.Detail != "some text" {
			t.Errorf("detail %q", p.Detail)
		}
	}
}

func TestWhatHasNoKindIsInternal(t *testing.T) {
	for name, err := range map[string]error{
		"plain error":  errors.New("dial db.internal: refused"),
		"no kind":      latchkey.Errorf(latchkey.KindInternal, "oops", "dial db.internal: refused"),
		"unknown kind": latchkey.Errorf(99, "oops", "odd"),
	} {
		h, log := logged(t, &stub{fail: err})
		w := call{target: "GET /v1/keys", token: "owner"}.do(h)
		if w.Code != 500 || strings.Contains(w.Body.String(), "db.internal") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if name != "unknown kind" && (!strings.Contains(log.String(), "db.internal") || !strings.Contains(log.String(), w.Header().Get("X-Request-Id"))) {
			t.Errorf("%s: the log lacks the cause or the request: %s", name, log)
		}
	}
}

func TestALimitSaysWhenAndAWrongCodeHowMany(t *testing.T) {
	e := latchkey.Errorf(latchkey.KindLimit, "resend_too_early", "later")
	e.RetryAfter = 61
	w := call{target: "GET /v1/keys", token: "owner"}.do(New(config(t, &stub{fail: e})))
	if p := wants(t, w, 429, "resend_too_early"); p.RetryAfter != 61 || w.Header().Get("Retry-After") != "61" {
		t.Errorf("retryAfter %d, header %q", p.RetryAfter, w.Header().Get("Retry-After"))
	}
	e = latchkey.Invalid("code", "wrong_code", "wrong")
	w = call{target: "GET /v1/keys", token: "owner"}.do(New(config(t, &stub{fail: e})))
	if p := wants(t, w, 422, "wrong_code"); p.TriesLeft == nil || *p.TriesLeft != 0 || p.Field != "code" {
		t.Errorf("triesLeft must be 0, not absent: %s", w.Body)
	}
}

func TestTheNewPasswordIsNamedAsInTheBody(t *testing.T) {
	body := `{"password":"old","newPassword":"short"}`
	for code, field := range map[string]string{"invalid_password": "newPassword", "wrong_password": "password"} {
		h := New(config(t, &stub{fail: latchkey.Invalid("password", code, "bad")}))
		if p := wants(t, call{target: "PUT /v1/password", token: "owner", body: body}.do(h), 422, code); p.Field != field {
			t.Errorf("%s: field %q, want %q", code, p.Field, field)
		}
	}
}

// Fault 17. huma's own errors repeat the submitted value.
func TestNoAnswerAndNoLogRepeatsAValue(t *testing.T) {
	const canary = "canary-7f3a"
	for name, c := range map[string]call{
		"bad type":       {target: "POST /v1/session", body: `{"email":["` + canary + `"],"password":"` + canary + `"}`},
		"too long":       {target: "POST /v1/session", body: `{"email":"` + strings.Repeat("a", 300) + canary + `","password":"` + canary + `"}`},
		"unknown member": {target: "POST /v1/session", body: `{"email":"a@example.com","password":"` + canary + `","x ` + canary + `":1}`},
		"malformed":      {target: "POST /v1/session", body: `{"password":"` + canary + `"`},
		"duplicate":      {target: "POST /v1/session", body: `{"` + canary + `":1,"` + canary + `":1}`},
		"bad enum":       {target: "POST /v1/factors", token: "owner", body: `{"kind":"` + canary + `","password":"` + canary + `"}`},
		"path":           {target: "GET /v1/keys/" + canary + "%00", token: "owner"},
		"unknown route":  {target: "GET /v1/" + canary},
		"query":          {target: "GET /v1/activities?from=" + canary, token: "owner"},
		"query name":     {target: "GET /v1/activities?" + canary + "%20=1", token: "owner"},
		"header":         {target: "POST /v1/keys", token: "owner", body: `{"name":"a","permissions":[],"allowlist":[]}`, header: http.Header{"Idempotency-Key": {canary + " " + canary}}},
		"cookie":         {target: "GET /v1/keys", token: canary},
		"agent":          {target: "GET /v1/keys", header: http.Header{"User-Agent": {canary}, "Origin": {canary}, "Referer": {canary}}},
		"code":           {target: "POST /v1/pending/pen_1/confirm", token: "owner", body: `{"code":"` + strings.Repeat("1", 40) + canary + `"}`},
	} {
		h, log := logged(t, &stub{})
		w := c.do(h)
		if w.Code < 400 {
			t.Errorf("%s: %d, not refused", name, w.Code)
		}
		if strings.Contains(w.Body.String(), canary) || strings.Contains(log.String(), canary) {
			t.Errorf("%s: repeated in\n%s\n%s", name, w.Body, log)
		}
	}
}

// Somebody tries one door after the other. The log says from where, and what was
// wrong with each try: all are 4xx, and only some are an attack.
func TestTheLineOfARefusalSaysWhoAndWhy(t *testing.T) {
	for name, c := range map[string]call{
		"another site's page": {target: "POST /v1/keys", token: "owner", header: http.Header{"Sec-Fetch-Site": {"cross-site"}}},
		"nobody":              {target: "GET /v1/keys"},
		"an invalid input":    {target: "POST /v1/keys", token: "owner", body: `{"name":1}`},
		"no such route":       {target: "GET /v1/secrets", token: "owner"},
	} {
		h, log := logged(t, &stub{})
		w := c.do(h)
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code < 400 || p.Code == "" || p.RequestID == "" {
			t.Fatalf("%s: %d, %v, %s", name, w.Code, err, w.Body)
		}
		for _, part := range []string{`"code":"` + p.Code + `"`, `"request":"` + p.RequestID + `"`, `"ip":"192.0.2.1"`} {
			if !strings.Contains(log.String(), part) {
				t.Errorf("%s: the log lacks %s: %s", name, part, log)
			}
		}
	}
}

func TestAPanicIsAnInternalErrorWithoutItsValues(t *testing.T) {
	const canary = "canary-7f3a"
	_, oops := strconv.Atoi(canary)
	for name, panics := range map[string]func(){
		"text":    func() { panic(canary) },
		"error":   func() { panic(oops) },
		"runtime": func() { _ = strings.Split(canary, "-")[len(canary)] },
	} {
		h, log := logged(t, &stub{panics: panics})
		w := call{target: "POST /v1/session", body: `{"email":"a@example.com","password":"p"}`}.do(h)
		wants(t, w, 500, "internal_error")
		if strings.Contains(w.Body.String()+log.String(), canary) {
			t.Errorf("%s: the value was repeated: %s %s", name, w.Body, log)
		}
		if !strings.Contains(log.String(), "stub_test.go") || !strings.Contains(log.String(), `"status":500`) {
			t.Errorf("%s: no stack or no request line: %s", name, log)
		}
	}
}

// A client that wants to act on codes finds each of them on the reading page,
// with the status that it is answered with.
func TestEveryCodeOfTheAuthorityIsExplained(t *testing.T) {
	operatorOnly := []string{"invalid_role", "invalid_operation", "account_not_found", "member_not_found", "account_exists", "member_exists", "owner_exists", "owner_stays", "invalid_email",
		"node_fenced"} // a gateway node hears it of the database
	found := 0
	for _, dir := range []string{"../..", "../authority", "../store", "."} {
		for name, kind := range codesIn(t, dir) {
			if slices.Contains(operatorOnly, name) {
				continue
			}
			found++
			i := slices.IndexFunc(codes, func(c code) bool { return c.Name == name })
			if i < 0 {
				t.Errorf("%s: code %s is not in codes", dir, name)
			} else if want := statusOf(&latchkey.Error{Kind: kind, Code: name}); codes[i].Status != want {
				t.Errorf("code %s: explained with %d, answered with %d", name, codes[i].Status, want)
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d codes found: does this test still read the source?", found)
	}
}

// codesIn finds the calls of Errorf(Kind..., "code", ...) and Invalid(field,
// "code", ...) in the Go files of a folder.
func codesIn(t *testing.T, dir string) map[string]latchkey.Kind {
	t.Helper()
	kinds := map[string]latchkey.Kind{
		"KindInvalid": latchkey.KindInvalid, "KindUnauthorized": latchkey.KindUnauthorized, "KindForbidden": latchkey.KindForbidden,
		"KindNotFound": latchkey.KindNotFound, "KindConflict": latchkey.KindConflict, "KindLimit": latchkey.KindLimit, "KindUnavailable": latchkey.KindUnavailable,
	}
	out := map[string]latchkey.Kind{}
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if !ok || len(c.Args) < 2 {
				return true
			}
			literal, ok := c.Args[1].(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			name, _ := strconv.Unquote(literal.Value)
			switch lastName(c.Fun) {
			case "Invalid":
				out[name] = latchkey.KindInvalid
			case "Errorf":
				if kind, ok := kinds[lastName(c.Args[0])]; ok {
					out[name] = kind
				}
			}
			return true
		})
	}
	return out
}

func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// Whatever huma writes in another version, only sentences about the schema go
// outside.
func TestOnlyKnownSentencesOfHumaGoOut(t *testing.T) {
	for message, want := range map[string]string{
		"expected string":           "expected string",
		"unexpected property":       "unexpected property",
		"invalid value: canary":     "this input is not valid",
		"canary is not expected ":   "this input is not valid",
		"json: cannot read canary":  "this input is not valid",
		"unexpected end of canary?": "this input is not valid",
		"":                          "this input is not valid",
	} {
		detail := &huma.ErrorDetail{Location: "body.name", Message: message, Value: "canary"}
		for _, status := range []int{0, 400, 406, 415, 422, 500} {
			p := inputProblem(status, []error{detail})
			if text, _ := json.Marshal(p); strings.Contains(string(text), "canary") {
				t.Errorf("%d repeats %q: %s", status, message, text)
			}
			if status == 422 && p.Detail != want {
				t.Errorf("%q became %q", message, p.Detail)
			}
		}
	}
	if p := inputProblem(422, []error{errors.New("canary")}); strings.Contains(p.Detail, "canary") {
		t.Errorf("a plain error was repeated: %+v", p)
	}
}
