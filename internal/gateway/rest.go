package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"latchkey"
	"latchkey/internal/verify"
	"latchkey/signature"

	"github.com/valyala/fasthttp"
)

// What is told before anybody is known, so it holds nothing about keys. The
// words "Bad Request" are the exchange's own, and clients look for them.
var (
	noPath   = because(400, codeBadRequest, "There is nothing at this path; call POST /api/rest/ACTION with a key or /api/rest-public/ACTION without one")
	noAction = because(400, codeBadRequest, "Bad Request: unknown action")
	noQuery  = because(400, codeBadRequest, "Bad Request: a signed call takes no query, because the signature does not cover it; send parameters in the body")
	badQuery = because(400, codeBadRequest, "Bad Request: the query cannot be read in one way only")
	noGet    = because(400, codeBadRequest, "Bad Request: a GET has no body")
	noBehalf = because(400, codeBadRequest, "Bad Request: X-ON-BEHALF-OF-USER-ID must be one plain word")
	noParse  = because(400, codeBadRequest, "Bad Request")
	noSense  = because(502, codeUpstream, "The request met a fault in the gateway; it may have been executed, ask for its state before you send it again")
	changing = because(503, codeChanging, "The API key is being changed; the request was not executed, send it again in a moment")
)

// exchange is one request on its way through the gateway.
type exchange struct {
	id     string
	start  time.Time // monotonic, for the duration
	kind   kind
	action *latchkey.Action
	addr   netip.Addr
	keyID  string // of a key that exists, for the log only
	code   string // "allowed" or the code of the refusal
	status int    // of the answer
}

// kind sorts requests in the metrics.
type kind uint8

const (
	kindNone    kind = iota // refused before its action was known
	kindPublic              // without a key
	kindRead                // with a key, changes nothing
	kindMutates             // with a key, changes something
	kindLogon               // an auth message over WebSocket
	kindMessage             // any other message over WebSocket
	kinds
)

// begin gives a request its id: 130 random bits, so that an id in a log or a
// complaint names one request, and nobody can guess another's.
func (g *Gateway) begin() exchange {
	return exchange{id: latchkey.NewID("req"), start: time.Now()}
}

// refused notes the refusal for the log and the metrics.
func (x *exchange) refused(no *refusal) { x.code, x.status = no.code, no.status }

// serve is the handler of every request that the guard let pass.
func (g *Gateway) serve(ctx *fasthttp.RequestCtx) {
	x := g.begin()
	g.metrics.inFlight.Inc()
	defer g.metrics.inFlight.Dec()
	defer g.finish(&x)
	defer g.save(ctx, &x)
	if no := g.answer(ctx, &x); no != nil {
		x.refused(no)
		no.write(ctx, x.id)
	}
}

// save keeps one request's fault from taking the others down. It says that the
// outcome is unknown, which is true wherever the fault was.
func (g *Gateway) save(ctx *fasthttp.RequestCtx, x *exchange) {
	if g.recovered(recover(), "request", x.id) {
		x.refused(noSense)
		noSense.write(ctx, x.id)
	}
}

// broken answers a request whose body did not arrive.
func (g *Gateway) broken(ctx *fasthttp.RequestCtx, err error) {
	x := g.begin()
	x.addr, _ = addrOf(ctx.RemoteAddr())
	no := noParse
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		no = noBodyTime
	case errors.Is(err, io.ErrUnexpectedEOF):
		no = noEnd
	}
	x.refused(no)
	no.write(ctx, x.id)
	g.finish(&x)
}

// answer takes a request through all steps. The order is that of
// docs/protocol.md: what anybody may know is told first, and costs nothing.
func (g *Gateway) answer(ctx *fasthttp.RequestCtx, x *exchange) *refusal {
	var ok bool
	if x.addr, ok = g.client(ctx); !ok {
		return noForward
	}
	if public, found := g.wsPath(ctx.Request.Header.RequestURI()); found {
		return g.upgrade(ctx, x, public)
	}
	// The target as it came: the library's own view of it is cleaned up, and
	// what was cleaned up is not what was signed (CWE-22, CWE-436).
	r, no := g.route(ctx.Request.Header.RequestURI(), ctx.Method())
	if no != nil {
		return no
	}
	if x.action, no = g.action(r); no != nil {
		return no
	}
	x.kind = kindOf(r, x.action)
	// The guard let exactly Content-Length bytes pass; these are what was signed
	// and what is forwarded, never a decoded and encoded copy.
	body := ctx.Request.Body()
	if no := g.readable(r, body); no != nil {
		return no
	}
	// Still before the verdict, because a refusal must cost no points.
	if r.user, no = behalf(ctx, x.action); no != nil {
		return no
	}
	v := g.judge(ctx, x, r, body)
	if !v.Allowed() {
		return refusalOf(&v)
	}
	x.code = v.Reason.Code()
	return g.forward(ctx, x, r, &v, body)
}

// route is what the request line asks for.
type route struct {
	public bool
	get    bool
	name   []byte // of the action
	query  []byte
	user   string // on whose behalf, where the catalog grants that; else empty
}

// route reads the request target as it was sent; nothing is decoded or cleaned.
func (g *Gateway) route(target, method []byte) (r route, no *refusal) {
	path, query, asked := bytes.Cut(target, []byte("?"))
	var found bool
	if r.name, found = bytes.CutPrefix(path, []byte(g.private)); !found {
		r.name, r.public = bytes.CutPrefix(path, []byte(g.public))
	}
	r.query, r.get = query, string(method) == fasthttp.MethodGet
	switch {
	case !found && !r.public || !plainName(r.name):
		return r, noPath
	case r.get && r.public, string(method) == fasthttp.MethodPost:
	default:
		return r, methodNotAllowed(r.public)
	}
	return r, r.checkQuery(asked)
}

// plainName accepts what an action can be called; no dot, slash, percent or
// semicolon gets any further.
func plainName(name []byte) bool {
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(name) > 0
}

// methodNotAllowed names the methods, as RFC 9110, 15.5.6 demands.
func methodNotAllowed(public bool) *refusal {
	no := because(405, codeBadRequest, "Bad Request: use POST")
	if no.allow = "POST"; public {
		no.text, no.allow = "Bad Request: use POST or GET", "GET, POST"
	}
	return no
}

// checkQuery refuses every query on a signed call, and on a public one what
// servers take apart differently (; as a separator).
func (r *route) checkQuery(asked bool) *refusal {
	if !asked {
		return nil
	}
	if !r.public && len(r.query) > 0 {
		return noQuery
	}
	if _, err := url.ParseQuery(string(r.query)); err != nil {
		return badQuery
	}
	return nil
}

// action finds the action in the catalog, if it is open to this kind of call.
func (g *Gateway) action(r route) (*latchkey.Action, *refusal) {
	a, found := g.Catalog.LookupBytes(r.name)
	if !found || r.public && !a.PublicREST || !r.public && !a.REST {
		return nil, noAction
	}
	return a, nil
}

// kindOf sorts by what the catalog says, not by what the client sent.
func kindOf(r route, a *latchkey.Action) kind {
	switch {
	case r.public:
		return kindPublic
	case a.Mutating:
		return kindMutates
	}
	return kindRead
}

// readable refuses a body that the exchange could read in another way than the
// catalog's author meant.
func (g *Gateway) readable(r route, body []byte) *refusal {
	if r.get {
		if len(body) > 0 {
			return noGet
		}
		return nil
	}
	if !g.on(guardJSON) {
		return nil
	}
	if err := signature.ScanJSON(body); err != nil {
		return because(400, codeBadRequest, "Bad Request: "+err.Error())
	}
	return nil
}

// judge asks for the verdict, and notes it for the key's owner. The request is
// no context for that, although it could stand for one: it becomes the next
// request when this one is answered, and what asks Redis may look at its context
// later. The ledger bounds each question itself.
func (g *Gateway) judge(ctx *fasthttp.RequestCtx, x *exchange, r route, body []byte) verify.Verdict {
	if r.public {
		return g.checker.Permit(context.Background(), x.action, x.addr)
	}
	h := &ctx.Request.Header
	// Malformed headers go through Check all the same, so that their answer
	// takes as long as that for an unknown key.
	signed, err := signature.ParseREST(only(h, signature.KeyHeader), only(h, signature.TimestampHeader), only(h, signature.SignatureHeader), r.name, body)
	v := g.checker.Check(context.Background(), verify.Request{Signed: signed, Malformed: err != nil, Action: x.action, Addr: x.addr})
	g.Tally.Note(&v, x.id)
	x.keyID = v.KeyID()
	return v
}

// only returns the value of a header that stands once, else nothing: of two,
// somebody might take the other one.
func only(h *fasthttp.RequestHeader, name string) []byte {
	if values := h.PeekAll(name); len(values) == 1 {
		return values[0]
	}
	return nil
}

// behalf returns the user on whose behalf a call is made. Nobody signs that
// header, so it passes only where the catalog grants it.
func behalf(ctx *fasthttp.RequestCtx, a *latchkey.Action) (string, *refusal) {
	values := ctx.Request.Header.PeekAll(behalfHeader)
	if !a.OnBehalf || len(values) == 0 {
		return "", nil
	}
	user := string(values[0])
	if len(values) > 1 || user == "" || len(user) > 128 || strings.Trim(user, alnum+"-_.@:") != "" {
		return "", noBehalf
	}
	return user, nil
}
