package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"latchkey"
	"latchkey/internal/api"
)

// fewest is how many wrong requests each operation must get.
const fewest = 50

// The mistake: a check that the document promises and the program forgot, or a
// refusal that did half of the work before it refused. Every operation gets
// requests that are right but for one thing, by the caller who may do it. Each
// is refused in a documented form, repeats nothing and changes nothing. At the
// end the right request still works: it was the one thing that was refused.
func TestWhatIsWrongInOneThingIsRefusedAndChangesNothing(t *testing.T) {
	s := newScene(t)
	total, least := 0, 1<<20
	for _, op := range operations(t, s.handler) {
		t.Run(op.name(), func(t *testing.T) {
			w, right := s.rightOf(t, op)
			court := newCourt(w, op, right)
			wrongs := op.wrongs(right)
			for _, wrong := range wrongs {
				for _, fault := range court.faults(w.handler, wrong) {
					t.Errorf("%s: %s", wrong.what, fault)
				}
			}
			if len(wrongs) < fewest {
				t.Errorf("%d wrong requests, want %d", len(wrongs), fewest)
			}
			if status, text := send(w.handler, right); status >= 300 {
				t.Errorf("the right request after them: %d %s", status, text)
			}
			total, least = total+len(wrongs), min(least, len(wrongs))
		})
	}
	t.Logf("%d wrong requests, at least %d of an operation", total, least)
}

// rightOf is a world, and the request of the matrix that works there.
func (s scene) rightOf(t *testing.T, op operation) (*world, request) {
	target := op.method + " " + op.path
	row := matrix[target]
	if target == "POST /v1/setup" { // works only where there is no account
		w := openWorld(t, t.TempDir(), start)
		w.contract = s.contract
		token, err := w.authority.OpenSetup(t.Context())
		w.must(err)
		return w, newRequest(op, "", strings.Replace(row.body, "none", token.Reveal(), 1), &browser{w: w})
	}
	w := s.copied(t)
	caller := "owner"
	if op.Guard == string(api.Operator) {
		caller = "nodes"
	}
	b := s.as(w, caller)
	switch target {
	case "POST /v1/nodes/session":
		row.body = strings.Replace(row.body, "none", w.link(), 1)
	case "POST /v1/password/reset":
		(&browser{w: w}).want(202, "POST /v1/password/forgot", `{"email":"owner@one.example"}`)
		row.body = strings.Replace(row.body, "none", w.linked(), 1)
	}
	b.call("GET /v1/session", "") // now the session has been seen in this minute
	return w, newRequest(op, s.names.Replace(row.path), s.names.Replace(row.body), b)
}

// newRequest is the right request of an operation. Ref is the {id}, with the
// query behind it.
func newRequest(op operation, ref, body string, b *browser) request {
	id, query, _ := strings.Cut(ref, "?")
	path := strings.NewReplacer("{id}", id, "{session}", "ws_1").Replace(op.path)
	r := request{what: "nothing", method: op.method, path: path, query: query, body: []byte(body), header: http.Header{}}
	if body != "" {
		r.header.Set("Content-Type", "application/json")
	}
	switch {
	case op.Guard == string(api.Operator):
		r.header.Set("Cookie", "latchkey-nodes="+b.nodes)
	case b.cookie != "":
		r.header.Set("Cookie", "latchkey="+b.cookie)
	}
	return r
}

// send returns the status and all that came, header and body.
func send(h http.Handler, r request) (int, string) {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r.http())
	var all bytes.Buffer
	_ = rec.Result().Write(&all)
	return rec.Code, all.String()
}

// court judges the answers to wrong requests of one operation.
type court struct {
	w       *world
	op      operation
	ledger  *ledger
	secrets []string      // of the right request; no answer repeats them
	plain   *http.Request // what the document describes, whatever the path of a case is
}

func newCourt(w *world, op operation, right request) *court {
	c := &court{w: w, op: op, ledger: newLedger(w)}
	c.plain = httptest.NewRequest(op.method, "http://console.example"+right.path, nil)
	for _, m := range membersOf(right.body) {
		var text string
		if json.Unmarshal(m.value, &text) == nil && slices.Contains([]string{"password", "newPassword", "token", "code"}, m.name) {
			c.secrets = append(c.secrets, text)
		}
	}
	return c
}

// faults are what is wrong with the answer to a wrong request, and with what is
// in the world after it.
func (c *court) faults(h http.Handler, wrong request) (out []string) {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, wrong.http())
	answer, text := rec.Result(), rec.Body.Bytes()
	fail := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch {
	case rec.Code < 400 || rec.Code > 499:
		fail("%d %.200s", rec.Code, text)
		return append(out, c.ledger.changes()...)
	case wrong.status != 0 && rec.Code != wrong.status:
		fail("%d, want %d", rec.Code, wrong.status)
	case rec.Code == http.StatusTooManyRequests:
		fail("a limit answered, and hides what would have: %s", text)
	}
	var p api.Problem
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&p); err != nil || answer.Header.Get("Content-Type") != "application/problem+json" {
		fail("no problem but %s: %.200q", answer.Header.Get("Content-Type"), text)
		return append(out, c.ledger.changes()...)
	}
	switch {
	case wrong.code != "" && p.Code != wrong.code:
		fail("code %s, want %s", p.Code, wrong.code)
	case wrong.code == "" && !slices.Contains(c.op.Codes, p.Code):
		fail("code %s is not one of the operation's", p.Code)
	}
	if p.Status != rec.Code || p.Detail == "" || p.RequestID == "" || p.RequestID != answer.Header.Get("X-Request-Id") {
		fail("incomplete: %s", text)
	}
	if wrong.code == "" { // what is about another path or method stands nowhere in the document
		answer.Body = io.NopCloser(bytes.NewReader(text))
		if ok, errs := c.w.contract.ValidateHttpResponse(c.plain, answer); !ok {
			fail("%d is not as documented: %v", rec.Code, errs[0])
		}
	}
	out = append(out, c.echoes(answer.Header, p)...)
	return append(out, c.ledger.changes()...)
}

// fieldForm is what a field may look like: text of a client that has another form
// never comes back.
var fieldForm = regexp.MustCompile(`^[A-Za-z0-9_.\[\]-]{0,64}$`)

// echoes finds values of the request in the answer. The name of an unknown
// member or parameter is the one thing of it that may come back, as field, and
// the address that is wrong, in quotes.
func (c *court) echoes(header http.Header, p api.Problem) (out []string) {
	if !fieldForm.MatchString(p.Field) {
		out = append(out, "the field is not of a field's form: "+p.Field)
	}
	p.Field = strings.ReplaceAll(p.Field, strayName, "")
	if p.Code == "invalid_allowlist" || p.Code == "invalid_email" {
		p.Detail = strings.ReplaceAll(p.Detail, strconv.Quote(stray), "")
	}
	said := []string{fmt.Sprintf("%+v", p)}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		said = append(said, name+": "+strings.Join(header[name], " "))
	}
	for _, text := range said {
		for _, secret := range append([]string{stray, strayName}, c.secrets...) {
			if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
				out = append(out, "the answer repeats the request: "+text)
			}
		}
	}
	return out
}

// The twin: a court that finds nothing would pass everything. Each of these
// servers makes one mistake, and is found out; the honest one is not.
func TestTheCourtFindsAServerOut(t *testing.T) {
	s := newScene(t)
	ops := operations(t, s.handler)
	op := ops[slices.IndexFunc(ops, func(op operation) bool { return op.method+op.path == "POST/v1/keys" })]
	w, right := s.rightOf(t, op)
	court := newCourt(w, op, right)
	wrong := right.with("name: not of its type", func(r *request) { r.body = []byte(`{"name":["` + stray + `"],"permissions":[],"allowlist":[]}`) })
	if faults := court.faults(w.handler, wrong); len(faults) > 0 {
		t.Fatalf("the real server: %q", faults)
	}
	honest := api.Problem{Type: "/docs#code-invalid_input", Title: "Unprocessable Entity", Status: 422, Code: "invalid_input", Detail: "no", RequestID: "req_1"}
	changed := func(change func(*api.Problem)) http.HandlerFunc {
		p := honest
		change(&p)
		return answers(p.Status, "application/problem+json", p)
	}
	refusal := changed(func(*api.Problem) {})
	fakes := map[string]http.HandlerFunc{ // by what is found out
		"202":                      answers(202, "application/json", map[string]string{"id": "pen_1"}),
		"500":                      changed(func(p *api.Problem) { p.Status, p.Code = 500, "internal_error" }),
		"307":                      http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect).ServeHTTP,
		"no problem but text":      func(rw http.ResponseWriter, _ *http.Request) { http.Error(rw, "no", http.StatusUnprocessableEntity) },
		"no problem but app":       answers(422, "application/json", honest),
		"no problem but":           answers(422, "application/problem+json", map[string]any{"code": "invalid_input", "status": 422, "detail": "no", "value": 1}),
		"is not one of":            changed(func(p *api.Problem) { p.Code = "wrong_code" }),
		"incomplete":               answers(409, "application/problem+json", honest),
		"a limit answered":         changed(func(p *api.Problem) { p.Status, p.Code = 429, "too_many_requests" }),
		"repeats the request: {":   changed(func(p *api.Problem) { p.Detail = "not a name: " + strings.ToUpper(stray) }),
		"repeats the request: X-A": func(rw http.ResponseWriter, r *http.Request) { rw.Header().Set("X-A", stray); refusal(rw, r) },
		"not of a field's form":    changed(func(p *api.Problem) { p.Field = "<b>" }),
		"418 is not as documented": changed(func(p *api.Problem) { p.Status = 418 }),
		"422 is not as documented": answers(422, "application/problem+json", map[string]any{"code": "invalid_input", "status": 422, "detail": "no", "requestId": "req_1"}),
		"api_key was changed": func(rw http.ResponseWriter, r *http.Request) {
			_, _, err := w.operator().Move(r.Context(), s.names.Replace("{live}"), latchkey.OpDeactivate)
			w.must(err)
			refusal(rw, r)
		},
		"sessions": func(rw http.ResponseWriter, r *http.Request) { w.bots.list = nil; refusal(rw, r) },
	}
	for want, fake := range fakes {
		if faults := strings.Join(court.faults(fake, wrong), "\n"); !strings.Contains(faults, want) {
			t.Errorf("not found out: %s, but %q", want, faults)
		}
	}
	if faults := court.faults(refusal, wrong); len(faults) > 0 {
		t.Errorf("an honest refusal: %q", faults)
	}
}

// answers is a server with one answer.
func answers(status int, kind string, body any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("X-Request-Id", "req_1")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
}
