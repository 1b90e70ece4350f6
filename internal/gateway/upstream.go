package gateway

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"

	"latchkey"
	"latchkey/identity"
	"latchkey/internal/verify"

	"github.com/valyala/fasthttp"
)

const behalfHeader = "X-ON-BEHALF-OF-USER-ID"

var (
	notExecuted = because(502, codeUpstream, "The exchange cannot be reached; the request was not executed, send it again")
	mayHave     = because(502, codeUpstream, "The exchange did not answer; the request may have been executed, ask for its state before you send it again")
	keyChanged  = because(502, "key_changed", "The API key was changed, deactivated or deleted; the request may have been executed, ask for its state before you send it again")
	notSigned   = because(503, codeUnavailable, "The request could not be forwarded and was not executed")
)

// errChanged stops a request whose key changed while it waited for a connection.
var errChanged = errors.New("the key changed before the first byte was sent")

// errNotSent marks errors after which the exchange has seen nothing of the
// request: only these may be answered with "not executed" or tried again.
var errNotSent = errors.New("nothing was sent")

// upstream speaks to the exchange.
type upstream struct {
	client  *fasthttp.HostClient
	host    string // for the Host header
	private string // begin of the paths of signed calls
	public  string
	tls     *tls.Config // nil: plain HTTP
	timeout time.Duration
	idle    time.Duration // how long a connection may rest before it is looked at again
	signer  *identity.Signer
	rights  [latchkey.FundsExternal << 1]right // by the set
	flights *flights
}

// right is a set of permissions as the exchange is told of it.
type right struct {
	names []string
	text  []byte
}

// idleFor is long enough that a busy connection is not looked at: that would
// cost a system call for each request.
const idleFor = 50 * time.Millisecond

// mostStale is how many connections that the exchange has closed are passed
// over to find one that is open.
const mostStale = 16

func newUpstream(c Config) *upstream {
	// Without a path of its own the exchange has the paths that clients use.
	base := strings.TrimSuffix(c.Upstream.Path, "/")
	if base == "" {
		base = c.Prefix
	}
	u := &upstream{
		host: c.Upstream.Host, private: base + "/rest/", public: base + "/rest-public/",
		timeout: c.UpstreamTimeout, idle: idleFor, signer: identity.NewSigner(c.IdentitySecret), flights: c.Sessions.flights,
	}
	for set := range u.rights {
		names := latchkey.Permissions(set).Names()
		u.rights[set] = right{names, []byte(strings.Join(names, ","))}
	}
	address, port := c.Upstream.Host, "80"
	if c.Upstream.Scheme == "https" {
		u.tls, port = tlsFor(c.UpstreamTLS, c.Upstream.Hostname()), "443"
	}
	if c.Upstream.Port() == "" {
		address = net.JoinHostPort(c.Upstream.Hostname(), port)
	}
	u.client = &fasthttp.HostClient{
		Addr: address, Dial: u.dial, MaxConns: 8192,
		// A request is sent once. What is tried again was not sent at all.
		MaxIdemponentCallAttempts: mostStale,
		RetryIfErr:                func(_ *fasthttp.Request, _ int, err error) (bool, bool) { return false, errors.Is(err, errStale) },
		MaxIdleConnDuration:       30 * time.Second,
		// Busy connections stay warm, and idle ones are left to time out.
		ConnPoolStrategy:         fasthttp.LIFO,
		ReadBufferSize:           16 << 10, // the greatest header of an answer
		StreamResponseBody:       true,
		NoDefaultUserAgentHeader: true,
		DisablePathNormalizing:   true,
		SecureErrorLogMessage:    true,
	}
	return u
}

// tlsFor completes the configuration: the certificate must be for the name in
// the address, and HTTP/2 is not spoken.
func tlsFor(config *tls.Config, name string) *tls.Config {
	if config = config.Clone(); config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.ServerName == "" {
		config.ServerName = name
	}
	config.NextProtos = []string{"http/1.1"}
	if config.ClientSessionCache == nil { // a handshake that goes on from the last one costs no signature
		config.ClientSessionCache = tls.NewLRUClientSessionCache(64)
	}
	return config
}

// forward sends an allowed request and relays the answer.
func (g *Gateway) forward(ctx *fasthttp.RequestCtx, x *exchange, r route, v *verify.Verdict, body []byte) *refusal {
	req := fasthttp.AcquireRequest()
	defer fasthttp.ReleaseRequest(req)
	if no := g.compose(req, ctx, x, r, v, body); no != nil {
		return no
	}
	f := &flight{id: x.id, verdict: v, caller: v.Caller()}
	g.upstream.flights.add(f)
	defer func() {
		if !f.passes { // else it ends with its last byte
			g.upstream.flights.remove(f)
		}
	}()
	// Released by relay, or with the last byte of a long answer.
	resp := fasthttp.AcquireResponse()
	if err := g.upstream.client.Do(req, resp); err != nil {
		fasthttp.ReleaseResponse(resp)
		return g.unanswered(x, f, err)
	}
	return g.relay(ctx, x, f, resp)
}

// compose makes a new request. Only what stands here reaches the exchange, so
// no header of the client's, however it is spelled, can pass for one of ours.
func (g *Gateway) compose(req *fasthttp.Request, ctx *fasthttp.RequestCtx, x *exchange, r route, v *verify.Verdict, body []byte) *refusal {
	from, to := &ctx.Request.Header, &req.Header
	// The catalog's name of the action, not the client's bytes.
	target := x.action.Name
	if len(r.query) > 0 {
		target += "?" + string(r.query)
	}
	base := g.upstream.private
	if r.public {
		base = g.upstream.public
	}
	to.SetRequestURI(base + target)
	to.SetHost(g.upstream.host)
	to.SetMethodBytes(ctx.Method())
	if !r.get {
		// The body is one JSON object in UTF-8: that was checked. What the client
		// calls it could make the exchange read it in another way.
		to.SetContentType("application/json")
		req.SetBodyRaw(body)
	}
	if agent := from.UserAgent(); len(agent) > 0 {
		to.SetUserAgentBytes(agent)
	}
	if accept := only(from, fasthttp.HeaderAccept); len(accept) > 0 {
		to.SetBytesV(fasthttp.HeaderAccept, accept)
	}
	if r.user != "" {
		to.Set(behalfHeader, r.user)
	}
	return g.identify(to, x, v, string(ctx.Method()), target, req.Body())
}

// Names of the headers of an identity, in the form in which the library keeps
// them.
var (
	accountHeader     = []byte(identity.AccountHeader)
	keyHeader         = []byte(identity.KeyHeader)
	permissionsHeader = []byte(identity.PermissionsHeader)
	requestIDHeader   = []byte(identity.RequestIDHeader)
	signatureHeader   = []byte(identity.SignatureHeader)
)

// identify signs who is calling.
func (g *Gateway) identify(to *fasthttp.RequestHeader, x *exchange, v *verify.Verdict, method, target string, body []byte) *refusal {
	caller, rights := identity.Caller{RequestID: x.id}, []byte(nil)
	if e := v.Caller(); e != nil {
		r := &g.upstream.rights[e.Permissions()]
		caller.Account, caller.Key, caller.Permissions, rights = e.AccountID(), e.KeyID(), r.names, r.text
	}
	var room, text [64]byte
	signed, err := g.upstream.signer.Append(room[:0], v.At, caller, method, target, body)
	if err != nil {
		g.Log.Error("a request could not be signed for the exchange", "request", x.id, "error", err)
		return notSigned
	}
	to.SetCanonical(accountHeader, append(text[:0], caller.Account...))
	to.SetCanonical(keyHeader, append(text[:0], caller.Key...))
	to.SetCanonical(permissionsHeader, rights)
	to.SetCanonical(requestIDHeader, append(text[:0], x.id...))
	to.SetCanonical(signatureHeader, signed)
	return nil
}

// unanswered says what is known about a request that got no answer.
func (g *Gateway) unanswered(x *exchange, f *flight, err error) *refusal {
	cut, left := f.state()
	switch {
	case errors.Is(err, errChanged), cut && !left:
		return changing
	case cut:
		g.Log.Info("a call was cut off because its key changed", "request", x.id)
		return keyChanged
	}
	// Whatever is not known to be unsent may have been executed: a wrong "not
	// executed" makes a bot place its order twice.
	unsent := errors.Is(err, errNotSent) || errors.Is(err, fasthttp.ErrNoFreeConns)
	g.metrics.upstreamFailed(unsent)
	g.Log.Warn("the exchange did not answer", "request", x.id, "error", err, "sent", !unsent)
	if unsent {
		return notExecuted
	}
	return mayHave
}
