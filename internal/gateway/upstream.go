package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"latchkey/identity"
	"latchkey/internal/verify"

	"github.com/valyala/fasthttp"
)

const behalfHeader = "X-ON-BEHALF-OF-USER-ID"

var (
	notExecuted = because(502, codeUpstream, "The exchange cannot be reached; the request was not executed, send it again")
	mayHave     = because(502, codeUpstream, "The exchange did not answer; the request may have been executed, ask for its state before you send it again")
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
	secret  []byte
	// leaving holds, by request id, whether the key behind a request is still
	// what its verdict was made from: a func() bool. The library hands a
	// connection bytes and no request, so the connection finds it by the id in
	// the header that is about to leave.
	leaving sync.Map
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
		timeout: c.UpstreamTimeout, idle: idleFor, secret: c.IdentitySecret,
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
	return config
}

// forward sends an allowed request and relays the answer.
func (g *Gateway) forward(ctx *fasthttp.RequestCtx, x *exchange, r route, v *verify.Verdict, body []byte) *refusal {
	req := fasthttp.AcquireRequest()
	defer fasthttp.ReleaseRequest(req)
	if no := g.compose(req, ctx, x, r, v, body); no != nil {
		return no
	}
	g.upstream.leaving.Store(x.id, v.Current)
	defer g.upstream.leaving.Delete(x.id)
	// Released by relay, or with the last byte of a long answer.
	resp := fasthttp.AcquireResponse()
	if err := g.upstream.client.Do(req, resp); err != nil {
		fasthttp.ReleaseResponse(resp)
		if errors.Is(err, errChanged) {
			return changing
		}
		return g.unanswered(x, err)
	}
	return g.relay(ctx, x, resp)
}

var idLine = []byte("\r\n" + identity.RequestIDHeader + ": ")

// mayLeave reports whether the key behind a request is still what it was judged
// by. The first write of a request holds the whole header, in which nothing of
// the client's can break a line; what is not found there may not leave.
func (u *upstream) mayLeave(request []byte) bool {
	_, rest, _ := bytes.Cut(request, idLine)
	id, _, _ := bytes.Cut(rest, crlf)
	current, found := u.leaving.Load(string(id))
	return found && current.(func() bool)()
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

// identify signs who is calling.
func (g *Gateway) identify(to *fasthttp.RequestHeader, x *exchange, v *verify.Verdict, method, target string, body []byte) *refusal {
	caller := identity.Caller{RequestID: x.id}
	if e := v.Caller(); e != nil {
		caller.Account, caller.Key, caller.Permissions = e.AccountID, e.KeyID, e.Permissions().Names()
	}
	headers, err := identity.Sign(g.upstream.secret, g.Now(), caller, method, target, body)
	if err != nil {
		g.Log.Error("a request could not be signed for the exchange", "request", x.id, "error", err)
		return notSigned
	}
	for _, h := range headers {
		to.Set(h.Name, h.Value)
	}
	return nil
}

// unanswered says what is known about a request that got no answer.
func (g *Gateway) unanswered(x *exchange, err error) *refusal {
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

// dial opens a connection, TLS included: until it is open, nothing was sent.
func (u *upstream) dial(address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), u.timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotSent, err)
	}
	c := &upstreamConn{Conn: conn, timeout: u.timeout, idle: u.idle, mayLeave: u.mayLeave}
	if c.tcp, err = conn.(*net.TCPConn).SyscallConn(); err == nil && u.tls != nil {
		secured := tls.Client(conn, u.tls)
		c.Conn, err = secured, secured.HandshakeContext(ctx)
	}
	if err != nil {
		_ = conn.Close() // it is of no use any more
		return nil, fmt.Errorf("%w: %w", errNotSent, err)
	}
	return c, nil
}

// upstreamConn gives each part of an answer the whole timeout, so that a long
// one may take its time, and knows whether a request has begun to leave.
type upstreamConn struct {
	net.Conn
	tcp     syscall.RawConn
	timeout time.Duration
	idle    time.Duration
	lastUse time.Time // of an answer; zero on a fresh connection
	sending bool      // since the last read something was written

	mayLeave func(request []byte) bool
}

// errStale is a connection that the exchange closed while it was idle.
var errStale = fmt.Errorf("%w: the exchange closed the idle connection", errNotSent)

// Write sends. Before the first byte of a request on a connection that was
// idle, it looks whether the exchange is still there: a request that is written
// into a closed connection is lost without anybody knowing how far it got. A
// fresh one is not looked at: what waits there are session tickets (RFC 8446,
// 4.6.1), which are no reason to throw it away.
//
// Last of all it asks whether the key is still what it was. Dialling and other
// connections that had died may have taken seconds, and a change of the key
// that was acknowledged meanwhile must hold.
func (c *upstreamConn) Write(p []byte) (int, error) {
	now := time.Now()
	switch {
	case c.sending:
	case !c.lastUse.IsZero() && now.Sub(c.lastUse) > c.idle && !c.open():
		return 0, errStale
	case !c.mayLeave(p):
		return 0, errChanged
	}
	c.sending = true
	if err := c.Conn.SetWriteDeadline(now.Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// Read receives.
func (c *upstreamConn) Read(p []byte) (int, error) {
	now := time.Now()
	if err := c.Conn.SetReadDeadline(now.Add(c.timeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	// A read ends the sending: the next write begins another request.
	c.lastUse, c.sending = now, false
	return n, err
}

// open looks at the socket without waiting. On an idle connection there is
// nothing to read; if there is, it is the end of the connection or the answer
// to a question that nobody asked, and neither is of use.
func (c *upstreamConn) open() bool {
	var err error
	var one [1]byte
	control := c.tcp.Control(func(fd uintptr) {
		_, _, err = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	return control == nil && (errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR))
}
