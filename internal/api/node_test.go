package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/api"
)

// link is the token of a link that the operator makes.
func (w *world) link() string {
	w.t.Helper()
	token, _, err := w.operator().LinkNodes(w.t.Context())
	w.must(err)
	return token.Reveal()
}

// look is a browser that opened such a link.
func (w *world) look() *browser {
	w.t.Helper()
	b := &browser{w: w}
	b.want(201, "POST /v1/nodes/session", token(w.link()))
	return b
}

func token(text string) string { return fmt.Sprintf(`{"token":%q}`, text) }

func TestTheLinkOpensThePageOnceForAnHour(t *testing.T) {
	w := newWorld(t)
	link, b := w.link(), &browser{w: w}
	opened := b.want(201, "POST /v1/nodes/session", token(link))
	if want := w.now().Add(time.Hour).Format("2006-01-02T15:04:05.000Z"); opened.at("endsAt") != want {
		t.Errorf("ends at %s, want %s", opened.at("endsAt"), want)
	}
	if got := b.want(422, "POST /v1/nodes/session", token(link)); got.at("code") != "invalid_link" {
		t.Errorf("the link once more: %s", got.text)
	}
	w.pass(time.Hour - time.Second)
	b.want(200, "GET /v1/nodes", "")
	w.pass(time.Second)
	if got := b.want(401, "GET /v1/nodes", ""); got.at("code") != "operator_link_needed" {
		t.Errorf("after an hour: %s", got.text)
	}
	late := w.link()
	w.pass(5 * time.Minute)
	b.want(422, "POST /v1/nodes/session", token(late))
}

func TestCloseEndsThePageInEveryBrowserThatHasItsCookie(t *testing.T) {
	w := newWorld(t)
	b, another := w.look(), w.look()
	copied := *b
	closed := b.want(204, "DELETE /v1/nodes/session", "")
	if got := closed.header.Get("Set-Cookie"); !strings.Contains(got, "latchkey-nodes=;") || !strings.Contains(got, "Max-Age=0") {
		t.Errorf("cookie %q", got)
	}
	copied.want(401, "GET /v1/nodes", "")
	another.want(200, "GET /v1/nodes", "") // another link is another session
}

// The attack: a cookie of one kind is sent under the name of the other. Neither
// opens anything there, on any route.
func TestNoCookieStandsInForTheOther(t *testing.T) {
	w := newWorld(t)
	account, err := w.operator().CreateAccount(t.Context(), "One")
	w.must(err)
	owner, operator := w.member(account, "owner@one.example", latchkey.RoleOwner).signIn(), w.look()
	swapped := map[string]browser{
		"the operator's as a member's": {w: w, cookie: operator.nodes},
		"a member's as the operator's": {w: w, nodes: owner.cookie},
		"a link's":                     {w: w, nodes: w.link()},
	}
	for _, route := range api.Routes() {
		if route.Guard == api.Anyone || route.Guard == api.Visitor {
			continue
		}
		target := route.Method + " " + strings.NewReplacer("{id}", "x", "{session}", "y").Replace(route.Path)
		for name, b := range swapped {
			if got := b.call(target, ""); got.status != 401 {
				t.Errorf("%s: %s: %d %s", target, name, got.status, got.text)
			}
		}
	}
	nobody := browser{w: w, cookie: operator.nodes}
	nobody.want(204, "GET /v1/session", "")
}

func TestTheOperatorsCookieIsClosed(t *testing.T) {
	w := newWorld(t)
	got := (&browser{w: w}).want(201, "POST /v1/nodes/session", token(w.link())).header.Get("Set-Cookie")
	for _, want := range []string{"latchkey-nodes=", "; Path=/", "; HttpOnly", "; SameSite=Strict"} {
		if !strings.Contains(got, want) {
			t.Errorf("cookie %q lacks %q", got, want)
		}
	}
	if cookies, _ := http.ParseSetCookie(got); cookies.Expires.IsZero() == false || cookies.MaxAge != 0 {
		t.Errorf("cookie %q outlives the browser", got)
	}
}

func TestTheOperatorSeesHowFarEachNodeIs(t *testing.T) {
	w := newWorld(t)
	b := w.look()
	if got := b.want(200, "GET /v1/nodes", ""); got.at("shared") != "false" || !strings.Contains(got.text, `"nodes":[]`) {
		t.Errorf("one process: %s", got.text)
	}
	account, err := w.operator().CreateAccount(t.Context(), "One")
	w.must(err)
	join := func(id string, alone bool) {
		w.must(w.store.JoinNode(t.Context(), latchkey.GatewayNode{ID: id, Name: "gateway-" + id, Lease: 5 * time.Second, Alone: alone}))
	}
	join("a", false)
	w.pass(time.Millisecond)
	join("b", true)
	w.key(account, "bot-1", true) // two changes
	_, err = w.store.RenewNode(t.Context(), "a", 2)
	w.must(err)
	fenced, err := w.store.FenceNode(t.Context(), "b", 0)
	w.must(err)
	w.pass(2 * time.Second)
	got := b.want(200, "GET /v1/nodes", "")
	for _, want := range []string{
		`"newest":2,"confirmed":0`,
		`"id":"a","name":"gateway-a","state":"live","applied":2,"behind":0,"leaseMs":5000,"leaseLeftMs":3000,"alone":false,"startedAt":"2026-03-01T12:00:00.000Z","lastSeen":"2026-03-01T12:00:00.001Z"`,
		`"id":"b","name":"gateway-b","state":"fenced","applied":0,"behind":2,"leaseMs":5000,"leaseLeftMs":0,"alone":true`,
	} {
		if !strings.Contains(got.text, want) || !fenced {
			t.Errorf("%s\nlacks %s", got.text, want)
		}
	}
}
