package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// Guard says who may use a route. The zero value lets nobody through.
type Guard string

// The guards.
const (
	Anyone   Guard = "anyone"    // no session is looked at
	Visitor  Guard = "visitor"   // anyone; who has a session is known
	SignedIn Guard = "signed in" // a session, also one whose second step is open
	Member   Guard = "member"    // a full session
	Owner    Guard = "owner"     // a full session of the account's owner
	Operator Guard = "operator"  // a session of the operator's page, and no member's
)

// Route is one row of the policy.
type Route struct {
	Method string
	Path   string // with {id} where an id stands; {session} is one below a key
	Guard  Guard
}

// pattern is the row in the words of http.ServeMux.
func (r Route) pattern() string { return r.Method + " " + r.Path }

// routes is the whole policy: nothing else is reachable but the console's files.
func (s *server) routes() []route {
	return []route{
		// A half session may see itself and leave; all else of a sign-in is below,
		// at the pendings.
		row("POST", "/v1/session", Anyone, s.signIn),
		row("GET", "/v1/session", Visitor, s.whoAmI),
		row("DELETE", "/v1/session", SignedIn, s.signOut),
		row("GET", "/v1/sessions", Member, s.sessions),
		row("DELETE", "/v1/sessions/{id}", Member, s.endSession),
		row("PUT", "/v1/password", Member, s.changePassword),
		row("POST", "/v1/password/forgot", Anyone, s.forgotPassword),
		row("POST", "/v1/password/reset", Anyone, s.resetPassword),
		row("POST", "/v1/setup", Anyone, s.setUp),
		row("GET", "/v1/account", Member, s.account),
		row("GET", "/v1/members", Owner, s.members),

		// Every member has factors and recovery codes of their own.
		row("GET", "/v1/factors", Member, s.factors),
		row("POST", "/v1/factors", Member, s.enrolFactor),
		row("POST", "/v1/factors/{id}/remove", Member, s.removeFactor),
		row("POST", "/v1/recovery-codes", Member, s.renewRecovery),

		// Only the owner reaches keys; a subuser's try is recorded.
		row("GET", "/v1/keys", Owner, s.keys),
		row("POST", "/v1/keys", Owner, s.createKey),
		row("GET", "/v1/keys/{id}", Owner, s.key),
		row("PATCH", "/v1/keys/{id}", Owner, s.editKey),
		row("DELETE", "/v1/keys/{id}", Owner, s.deleteKey),
		row("POST", "/v1/keys/{id}/activate", Owner, s.activateKey),
		row("POST", "/v1/keys/{id}/deactivate", Owner, s.deactivateKey),
		row("GET", "/v1/receipt", Owner, s.following),
		row("GET", "/v1/keys/{id}/refused-calls", Owner, s.refusedCalls),
		row("GET", "/v1/keys/{id}/sessions", Owner, s.keySessions),
		row("DELETE", "/v1/keys/{id}/sessions/{session}", Owner, s.endKeySession),

		// A pending belongs to one session, which may be the half one whose second
		// step it is. The authority shows it to no other.
		row("GET", "/v1/pending/{id}", SignedIn, s.pending),
		row("POST", "/v1/pending/{id}/factor", SignedIn, s.chooseFactor),
		row("POST", "/v1/pending/{id}/resend", SignedIn, s.resendCode),
		row("POST", "/v1/pending/{id}/confirm", SignedIn, s.confirm),
		row("POST", "/v1/pending/{id}/cancel", SignedIn, s.cancel),

		// What happened is the owner's to read; what is enforced is public.
		row("GET", "/v1/activities", Owner, s.activities),
		row("GET", "/v1/activities.csv", Owner, s.exportActivities),
		row("GET", "/v1/catalog", Anyone, s.catalog),
		row("POST", "/v1/allowlist/check", Member, s.checkAllowlist),

		// What the operator sees; the link to it is made on the server's own machine.
		row("POST", "/v1/nodes/session", Anyone, s.openNodes),
		row("DELETE", "/v1/nodes/session", Operator, s.closeNodes),
		row("GET", "/v1/nodes", Operator, s.fleet),

		// About the node and this API itself.
		row("GET", "/health", Anyone, s.health),
		page("GET", "/openapi.yaml", Anyone, s.openAPIYAML),
		page("GET", "/openapi.json", Anyone, s.openAPIJSON),
		page("GET", "/docs", Anyone, s.docs),
	}
}

// Routes lists every route with its guard, for tests of the policy and for
// the reading page.
func Routes() []Route {
	var out []Route
	for _, r := range new(server).routes() {
		out = append(out, r.Route)
	}
	return out
}

// route is a row with what it does.
type route struct {
	Route
	hasBody bool
	bind    func(s *server)
}

// handler answers one request of one caller. The caller is an argument: what
// a handler may do never hides in its context.
type handler[I, O any] func(ctx context.Context, c caller, in *I) (*O, error)

// row makes a route that the OpenAPI document describes.
func row[I, O any](method, path string, guard Guard, h handler[I, O]) route {
	r := Route{method, path, guard}
	_, hasBody := reflect.TypeFor[I]().FieldByName("Body")
	return route{Route: r, hasBody: hasBody, bind: func(s *server) {
		huma.Register(s.huma, s.operation(r, hasBody), func(ctx context.Context, in *I) (*O, error) {
			out, err := h(ctx, visitOf(ctx).caller, in)
			if err != nil {
				return nil, s.problem(ctx, err)
			}
			return out, nil
		})
	}}
}

// page makes a route that serves the document itself.
func page(method, path string, guard Guard, h http.HandlerFunc) route {
	r := Route{method, path, guard}
	return route{Route: r, bind: func(s *server) { s.HandleFunc(r.pattern(), h) }}
}

// register binds all routes, then freezes the document.
func (s *server) register() {
	rows := s.routes()
	s.table = make(map[string]route, len(rows))
	for _, r := range rows {
		s.table[r.pattern()] = r
	}
	s.huma = huma.NewAPI(humaConfig(s.cookieName(), s.nodesCookieName()), humago.NewAdapter(s, ""))
	for _, r := range rows {
		r.bind(s)
	}
	s.document = newDocument(s.huma.OpenAPI(), rows)
}

// HandleFunc is the only way to a route, for huma too: a pattern without a row
// in the table does not get in, and so has no guard to forget.
func (s *server) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	r, ok := s.table[pattern]
	if !ok {
		panic("api: " + pattern + " stands in no row of routes")
	}
	s.mux.Handle(pattern, s.guarded(r.Guard, s.strict(r.hasBody, http.HandlerFunc(h))))
}

// ServeHTTP completes what humago wants of a mux.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }
