package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey"
	"latchkey/internal/api"
)

// expect is one row of the matrix: the statuses of the callers. Everything
// named in path and body belongs to the first account and its owner.
type expect struct {
	owner   int // of the first account, in the session where the pendings were begun
	subuser int // of the same account
	other   int // owner of another account
	half    int // the first account's owner without the second factor
	nobody  int // no cookie
	nodes   int // a session of the operator's page, and no member's
	path    string
	body    string
}

// matrix has a row for every route. {key}, {live}, {elsewhere}, {session},
// {factor}, {edit}, {activation} and {code} stand for what newScene makes.
var matrix = map[string]expect{
	"POST /v1/session":         {202, 202, 202, 202, 202, 202, "", `{"email":"owner@one.example","password":"` + password + `"}`},
	"GET /v1/session":          {200, 200, 200, 200, 204, 204, "", ""},
	"DELETE /v1/session":       {204, 204, 204, 204, 401, 401, "", ""},
	"GET /v1/sessions":         {200, 200, 200, 401, 401, 401, "", ""},
	"DELETE /v1/sessions/{id}": {204, 404, 404, 401, 401, 401, "{elsewhere}", ""},
	"PUT /v1/password":         {204, 204, 204, 401, 401, 401, "", `{"password":"` + password + `","newPassword":"another long sentence"}`},
	"POST /v1/password/forgot": {202, 202, 202, 202, 202, 202, "", `{"email":"owner@one.example"}`},
	"POST /v1/password/reset":  {422, 422, 422, 422, 422, 422, "", `{"token":"none","password":"another long sentence"}`}, // no such link, whoever asks
	"POST /v1/setup":           {422, 422, 422, 422, 422, 422, "", `{"token":"none","account":"Three","email":"three@three.example","password":"another long sentence"}`},
	"GET /v1/account":          {200, 200, 200, 401, 401, 401, "", ""},
	"GET /v1/members":          {200, 403, 200, 401, 401, 401, "", ""},

	"GET /v1/factors":              {200, 200, 200, 401, 401, 401, "", ""},
	"POST /v1/factors":             {202, 202, 202, 401, 401, 401, "", `{"kind":"totp","password":"` + password + `"}`},
	"POST /v1/factors/{id}/remove": {202, 404, 404, 401, 401, 401, "{factor}", `{"password":"` + password + `"}`},
	"POST /v1/recovery-codes":      {202, 202, 202, 401, 401, 401, "", `{"password":"` + password + `"}`},

	"GET /v1/keys":                    {200, 403, 200, 401, 401, 401, "", ""},
	"POST /v1/keys":                   {202, 403, 202, 401, 401, 401, "", `{"name":"bot-9","permissions":["trade"],"allowlist":["198.51.100.7"]}`},
	"GET /v1/keys/{id}":               {200, 403, 404, 401, 401, 401, "{key}", ""},
	"PATCH /v1/keys/{id}":             {202, 403, 404, 401, 401, 401, "{key}", `{"version":1,"permissions":["trade"]}`},
	"DELETE /v1/keys/{id}":            {202, 403, 404, 401, 401, 401, "{key}?version=1", ""},
	"POST /v1/keys/{id}/activate":     {202, 403, 404, 401, 401, 401, "{key}", `{"version":1}`},
	"POST /v1/keys/{id}/deactivate":   {200, 403, 404, 401, 401, 401, "{live}", ""},
	"GET /v1/keys/{id}/refused-calls": {200, 403, 404, 401, 401, 401, "{key}", ""},
	"GET /v1/keys/{id}/sessions":      {200, 403, 404, 401, 401, 401, "{live}", ""},

	"DELETE /v1/keys/{id}/sessions/{session}": {204, 403, 404, 401, 401, 401, "{live}", ""},

	"GET /v1/receipt": {200, 403, 200, 401, 401, 401, "", ""},

	"GET /v1/pending/{id}":          {200, 404, 404, 403, 401, 401, "{edit}", ""},
	"POST /v1/pending/{id}/factor":  {200, 404, 404, 403, 401, 401, "{edit}", `{"factorId":"{factor}"}`},
	"POST /v1/pending/{id}/resend":  {200, 404, 404, 403, 401, 401, "{activation}", ""},
	"POST /v1/pending/{id}/confirm": {200, 404, 404, 403, 401, 401, "{edit}", `{"code":"{code}"}`},
	"POST /v1/pending/{id}/cancel":  {204, 404, 404, 403, 401, 401, "{edit}", ""},

	"POST /v1/nodes/session":   {422, 422, 422, 422, 422, 422, "", `{"token":"none"}`},
	"DELETE /v1/nodes/session": {401, 401, 401, 401, 401, 204, "", ""},
	"GET /v1/nodes":            {401, 401, 401, 401, 401, 200, "", ""},

	"GET /v1/activities":       {200, 403, 200, 401, 401, 401, "", ""},
	"GET /v1/activities.csv":   {200, 403, 200, 401, 401, 401, "", ""},
	"GET /v1/catalog":          {200, 200, 200, 200, 200, 200, "", ""},
	"POST /v1/allowlist/check": {200, 200, 200, 401, 401, 401, "", `{"text":"192.0.2.7; 10.0.0.0/8 x"}`},
	"GET /health":              {200, 200, 200, 200, 200, 200, "", ""},
	"GET /openapi.yaml":        {200, 200, 200, 200, 200, 200, "", ""},
	"GET /openapi.json":        {200, 200, 200, 200, 200, 200, "", ""},
	"GET /docs":                {200, 200, 200, 200, 200, 200, "", ""},
}

func TestEveryRouteHasItsRowInTheMatrix(t *testing.T) {
	var routes, rows []string
	for _, r := range api.Routes() {
		routes = append(routes, r.Method+" "+r.Path)
	}
	for target := range matrix {
		rows = append(rows, target)
	}
	byName := cmp.Transformer("set", func(list []string) map[string]bool {
		set := map[string]bool{}
		for _, s := range list {
			set[s] = true
		}
		return set
	})
	if diff := cmp.Diff(routes, rows, byName); diff != "" || len(routes) != len(rows) {
		t.Errorf("routes and matrix differ (-routes +matrix):\n%s", diff)
	}
}

// scene is a world with two accounts, and everybody's session.
type scene struct {
	*world
	callers map[string]*browser
	names   *strings.Replacer
}

// newScene makes the world once; each row works on a copy.
func newScene(t *testing.T) scene {
	w := newWorld(t)
	one, err := w.operator().CreateAccount(t.Context(), "One")
	w.must(err)
	two, err := w.operator().CreateAccount(t.Context(), "Two")
	w.must(err)
	owner := w.member(one, "owner@one.example", latchkey.RoleOwner)
	w.pass(time.Second) // factors are listed, and asked for, in the order of their age
	members, err := w.operator().Members(t.Context(), one)
	w.must(err)
	w.must(w.operator().EnrolTOTP(t.Context(), members[0], "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU")) // so that one can be removed
	subuser := w.member(one, "trader@one.example", latchkey.RoleSubuser)
	other := w.member(two, "owner@two.example", latchkey.RoleOwner)
	elsewhere := *owner
	half := *owner
	owner.signIn()
	session := elsewhere.signIn().want(200, "GET /v1/session", "").at("session", "id")
	subuser.signIn()
	other.signIn()
	half.half()

	key, live := w.key(one, "secret-plan", false), w.key(one, "secret-plan-live", true)
	edit := owner.want(202, "PATCH /v1/keys/"+key, `{"version":1,"permissions":["trade"]}`)
	activation := owner.want(202, "POST /v1/keys/"+key+"/activate", `{"version":1}`).at("id")
	w.pass(2 * time.Minute) // another code may be asked for
	w.bots.open(live, "ws_1")
	s := scene{world: w, callers: map[string]*browser{"owner": owner, "subuser": subuser, "other": other, "half": &half, "nobody": {}, "nodes": w.look()}}
	s.names = strings.NewReplacer("{key}", key, "{live}", live, "{elsewhere}", session, "{session}", "ws_1", "{edit}", edit.at("id"),
		"{activation}", activation, "{factor}", edit.at("factorId"), "{code}", owner.code())
	w.must(w.store.Close())
	return s
}

// as returns a caller who acts in the world w.
func (s scene) as(w *world, name string) *browser {
	b := *s.callers[name]
	b.w = w
	return &b
}

// T13. Every route x every kind of caller, over the real authority and store.
// An answer to somebody else never shows anything of the first account's keys.
func TestTheMatrix(t *testing.T) {
	s := newScene(t)
	for _, route := range api.Routes() {
		target := route.Method + " " + route.Path
		row := matrix[target]
		t.Run(strings.ReplaceAll(target, "/", "_"), func(t *testing.T) {
			w := s.copied(t)
			before, after, hasID := strings.Cut(target, "{id}")
			if hasID {
				query := ""
				if at := strings.Index(row.path, "?"); at >= 0 {
					row.path, query = row.path[:at], row.path[at:]
				}
				before += row.path + after + query
			}
			// The one who may most comes last: that changes what is there.
			for _, c := range []struct {
				name   string
				status int
			}{{"nobody", row.nobody}, {"nodes", row.nodes}, {"half", row.half}, {"other", row.other}, {"subuser", row.subuser}, {"owner", row.owner}} {
				got := s.as(w, c.name).call(s.names.Replace(before), s.names.Replace(row.body))
				if got.status != c.status {
					t.Errorf("%s: %d, want %d: %s", c.name, got.status, c.status, got.text)
				}
				if c.name != "owner" && strings.Contains(got.text, "secret-plan") {
					t.Errorf("%s sees a key of another: %s", c.name, got.text)
				}
			}
		})
	}
}

// What a guard says and what the matrix found must be the same policy.
func TestTheMatrixAgreesWithTheGuards(t *testing.T) {
	for _, route := range api.Routes() {
		row := matrix[route.Method+" "+route.Path]
		want := map[api.Guard]string{
			api.Anyone:   "nobody in, half in, subuser in, nodes in",
			api.Visitor:  "nobody in, half in, subuser in, nodes in",
			api.SignedIn: "nobody out, half in, subuser in, nodes out",
			api.Member:   "nobody out, half out, subuser in, nodes out",
			api.Owner:    "nobody out, half out, subuser out, nodes out",
			api.Operator: "nobody out, half out, subuser out, nodes in",
		}[route.Guard]
		in := func(out bool) string { return map[bool]string{true: "out", false: "in"}[out] }
		got := fmt.Sprintf("nobody %s, half %s, subuser %s, nodes %s",
			in(row.nobody == 401), in(row.half == 401), in(row.subuser == 403 || row.subuser == 401), in(row.nodes == 401))
		if got != want {
			t.Errorf("%s is guarded by %s, but the matrix says %s", route.Path, route.Guard, got)
		}
	}
}

func TestHEADIsGuardedLikeGET(t *testing.T) {
	w := newWorld(t)
	for _, route := range api.Routes() {
		if route.Method != "GET" || route.Guard == api.Anyone || route.Guard == api.Visitor {
			continue
		}
		b := &browser{w: w}
		if got := b.call("HEAD "+strings.ReplaceAll(route.Path, "{id}", "x"), ""); got.status != 401 {
			t.Errorf("HEAD %s: %d", route.Path, got.status)
		}
	}
}

func TestTheTriesOfASubuserAreRecorded(t *testing.T) {
	s := newScene(t)
	w := s.copied(t)
	s.as(w, "subuser").want(403, "GET /v1/keys", "")
	got := s.as(w, "owner").want(200, "GET /v1/activities?type=refused", "")
	if !strings.Contains(got.text, "GET /v1/keys") {
		t.Errorf("no entry of the try: %s", got.text)
	}
}
