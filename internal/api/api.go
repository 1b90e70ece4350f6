// Package api is the management plane's door: the JSON API under /v1 with its
// OpenAPI document, the reading page of that document, and the console. It
// decodes, asks the authority and encodes; it holds no rule of its own.
//
// A request passes, in this order: visit (request id, log, panics, security
// headers), the cross-origin check, the guard of its row in routes.go, the
// strict reading of query and body, the handler.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"latchkey"
)

// Config is what New needs. Authority, Catalog, ScanJSON and Now are required;
// New panics without them, because an API that skips a check must not start.
type Config struct {
	Authority Authority
	Catalog   *latchkey.Catalog
	Limits    latchkey.Limits
	Log       *slog.Logger // nil: nothing is logged
	Now       func() time.Time
	// ScanJSON refuses a body that two JSON parsers could read differently:
	// duplicate members, invalid UTF-8, too deep. Its error must not repeat
	// what the body holds.
	ScanJSON func(body []byte) error
	// Health says why the node cannot serve, or nil. A nil func is healthy.
	Health func(ctx context.Context) error
	// Secure says that the console is reached over TLS: cookies are Secure
	// under the __Host- prefix, and HSTS is sent.
	Secure bool
	// Origins are further origins (scheme://host[:port]) that may send changes,
	// for a console that is reached under another name than the Host header's.
	Origins []string
	// Gateway is the base URL under which bots reach the gateway; "" leaves it
	// out of the catalog.
	Gateway string
	// TrustedProxies are the peers whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Console answers every path that is not the API's. It must set its own
	// Content-Security-Policy and Cache-Control; the ones that are set before
	// it allow nothing. Nil: a small page says how to build the console.
	Console http.Handler
}

// server answers requests. It does not change after New.
type server struct {
	Config
	mux      *http.ServeMux
	table    map[string]route // by pattern
	huma     huma.API
	document document
}

// New returns the handler for the whole management listener. It panics when
// the config is incomplete or an origin is malformed.
func New(c Config) http.Handler {
	if c.Authority == nil || c.Catalog == nil || c.ScanJSON == nil || c.Now == nil {
		panic("api: Authority, Catalog, ScanJSON and Now are required")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	tameHuma()
	s := &server{Config: c, mux: http.NewServeMux()}
	s.register()
	s.mux.HandleFunc("/v1/", s.unknown)
	s.mux.Handle("/", s.console())
	return s.visited(s.sameOrigin(s.mux))
}

// tameHuma replaces defaults that huma keeps in package variables: its errors
// repeat the submitted values, passwords included, its arrays may be null, and
// its members fold case. It happens once, before the first API is made.
var tameHuma = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.ValidateStrictCasing = true
	huma.NewError = func(status int, _ string, errs ...error) huma.StatusError {
		return inputProblem(status, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, _ string, errs ...error) huma.StatusError {
		p := inputProblem(status, errs)
		if ctx != nil { // nil while the document is made
			visitOf(ctx.Context()).answers(p)
		}
		return p
	}
})

// sameOrigin refuses changes that another site's page sends with the member's
// cookie (CWE-352). Browsers tell by Sec-Fetch-Site or Origin; a request with
// neither is no browser's and carries no cookie that it was not given.
func (s *server) sameOrigin(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	for _, origin := range s.Origins {
		if err := guard.AddTrustedOrigin(origin); err != nil {
			panic("api: " + err.Error())
		}
	}
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.refuse(w, r, latchkey.Errorf(latchkey.KindForbidden, "cross_origin", "a page of another site may not change anything here"))
	}))
	return guard.Handler(next)
}

// methods are what unknown probes for the Allow header.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// unknown answers for paths under /v1/ that have no route: 405 when another
// method has one, else 404.
func (s *server) unknown(w http.ResponseWriter, r *http.Request) {
	probe := r.Clone(r.Context())
	found := false
	for _, method := range methods {
		probe.Method = method
		if _, pattern := s.mux.Handler(probe); pattern != "/v1/" {
			w.Header().Add("Allow", method)
			found = true
		}
	}
	if !found {
		s.refuse(w, r, errNoRoute())
		return
	}
	s.refuse(w, r, latchkey.Errorf(latchkey.KindInvalid, "method_not_allowed", "this route does not take that method; see the Allow header"))
}

func errNoRoute() error {
	return latchkey.Errorf(latchkey.KindNotFound, "no_such_route", "there is no such route; /docs lists them all")
}
