// Package gateway is the data plane's door: it reads what clients send, byte by
// byte, has package verify decide, and forwards what is allowed to the exchange
// with a signed statement of who calls.
//
// A request passes, in this order:
//
//	guard.go     raw bytes: one strict grammar, framing that has one reading
//	clientip.go  who is calling, when proxies stand in between
//	rest.go      path, method, action, JSON, verdict
//	upstream.go  a new request, made from an allowlist, to the exchange
//	answer.go    its answer back, or refuse.go: one text for each reason
package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"latchkey"
	"latchkey/identity"
	"latchkey/internal/verify"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp"
)

// Config is what a Gateway needs. Catalog, Table, Ledger, Tally, Upstream and
// IdentitySecret are required; everything else has a default.
type Config struct {
	Catalog *latchkey.Catalog
	Table   *verify.Table
	Ledger  verify.Ledger
	Tally   *verify.Tally
	// Sessions are those over the table; nil makes a set that nobody else sees.
	Sessions *Sessions

	Upstream        *url.URL      // of the exchange; without a path it gets the paths that the gateway has
	UpstreamTLS     *tls.Config   // for https; nil takes the system's certificates
	UpstreamTimeout time.Duration // for its answer to begin, and between its parts (10 s)
	IdentitySecret  []byte        // shared with the exchange; see package identity

	// TrustedProxies are the addresses whose word about the client is taken:
	// X-Forwarded-For, or PROXY protocol v2, which they must then speak.
	TrustedProxies []netip.Prefix
	ProxyProtocol  bool

	Prefix       string        // of all paths ("/api")
	MaxBody      int           // bytes (1 MiB)
	MaxHeader    int           // bytes of request line and headers (16 KiB)
	MaxConns     int           // open connections of clients (a quarter of the file limit, at most 32768)
	MaxConnsEach int           // of those from one IPv4 address or IPv6 /64 that is no trusted proxy (a quarter of MaxConns)
	MaxHeld      int           // bytes of all large requests that are in memory at once (128 MiB)
	Window       time.Duration // of timestamps, either way (20 s)
	Points       int           // of a key and calendar minute (200)
	PublicPoints int           // of an address and calendar minute (100)

	Origins     []string // of pages in browsers that may open WebSocket sessions
	MaxMessage  int      // bytes of a WebSocket message of a client (64 KiB)
	MaxMessages int      // of a session in a second, pings too (100)
	MaxSessions int      // WebSocket sessions of a key (100)

	LogonTimeout time.Duration // from a WebSocket connection to its logon (10 s)
	HeadTimeout  time.Duration // from the first byte of a request to the end of its headers ; also for one WebSocket message (10 s)
	BodyTimeout  time.Duration // from there to the end of the body (30 s)
	IdleTimeout  time.Duration // between requests, and between messages (60 s)
	SendTimeout  time.Duration // for one part of an answer to be taken by the client (30 s)

	Leased  func() bool // see verify.Config
	Now     func() time.Time
	Start   time.Time // since when the ledger remembers; zero: always
	Log     *slog.Logger
	Metrics prometheus.Registerer
}

// Gateway serves REST calls on any number of listeners.
type Gateway struct {
	Config
	checker  *verify.Checker
	upstream *upstream
	legs     *legs
	metrics  *metrics
	pause    *pause
	door     *door
	held     atomic.Int64 // bytes of large requests in memory; see guardConn.hold
	server   *fasthttp.Server
	private  string // begin of the paths of signed calls
	public   string // begin of the paths of calls without a key
	off      guards // that a test switched off; 0 outside of tests

	mu        sync.Mutex
	listeners []net.Listener
	stopped   bool
	stopping  chan struct{} // closed when stopped
}

// guards are what a test can switch off, to show that they matter.
type guards uint8

const (
	guardBytes guards = 1 << iota // the raw-bytes guard
	guardTrust                    // that X-Forwarded-For counts from trusted proxies only
	guardJSON                     // that the body is one unambiguous JSON object
	guardEach                     // that every message of a session is judged, not the logon alone
	guardEnd                      // that a change of the key ends its sessions
	guardCut                      // that it cuts off its calls
	guardPause                    // that nothing is pushed to a session without a lease
)

func (g *Gateway) on(which guards) bool { return g.off&which == 0 }

// New returns a Gateway, or what is wrong with its configuration.
func New(c Config) (*Gateway, error) {
	c.fill()
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	m, err := newMetrics(c.Metrics, c.Tally, c.Sessions)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g := &Gateway{
		Config: c, metrics: m, upstream: newUpstream(c), pause: newPause(c.Leased), stopping: make(chan struct{}),
		door:    &door{most: c.MaxConns, mostEach: c.MaxConnsEach, each: map[netip.Prefix]int{}},
		private: c.Prefix + "/rest/", public: c.Prefix + "/rest-public/",
		checker: verify.New(verify.Config{
			Table: c.Table, Ledger: c.Ledger, Window: c.Window, Points: c.Points, PublicPoints: c.PublicPoints, Now: c.Now, Start: c.Start, Leased: c.Leased,
		}),
	}
	g.legs = newLegs(c, g.upstream)
	g.server = g.newServer()
	return g, nil
}

// fill sets the defaults of product.md.
func (c *Config) fill() {
	fill(&c.UpstreamTimeout, 10*time.Second)
	fill(&c.Prefix, "/api")
	fill(&c.MaxBody, 1<<20)
	fill(&c.MaxHeader, 16<<10)
	fill(&c.MaxMessage, 64<<10)
	fill(&c.MaxMessages, 100)
	fill(&c.MaxSessions, 100)
	fill(&c.LogonTimeout, 10*time.Second)
	fill(&c.MaxConns, mostConns())
	fill(&c.MaxConnsEach, max(c.MaxConns/4, 1))
	fill(&c.MaxHeld, max(128<<20, c.MaxBody))
	fill(&c.Window, 20*time.Second)
	fill(&c.Points, 200)
	fill(&c.PublicPoints, 100)
	fill(&c.HeadTimeout, 10*time.Second)
	fill(&c.BodyTimeout, 30*time.Second)
	fill(&c.IdleTimeout, time.Minute)
	fill(&c.SendTimeout, 30*time.Second)
	fill(&c.Log, slog.New(slog.DiscardHandler))
	if c.Sessions == nil && c.Table != nil {
		c.Sessions = NewSessions(c.Table)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// check refuses what would make the gateway unsafe or useless.
func (c *Config) check() error {
	switch {
	case c.Catalog == nil || c.Table == nil || c.Ledger == nil || c.Tally == nil:
		return errors.New("catalog, table, ledger and tally are required")
	case c.Upstream == nil || c.Upstream.Host == "" || c.Upstream.Scheme != "http" && c.Upstream.Scheme != "https":
		return errors.New("the address of the exchange must be http://host or https://host")
	case c.Upstream.User != nil || c.Upstream.RawQuery != "" || c.Upstream.Fragment != "":
		return errors.New("the address of the exchange takes a scheme, a host and a path, nothing else")
	case len(c.IdentitySecret) < identity.MinSecret:
		return identity.ErrSecret
	case c.Prefix[0] != '/' || c.Prefix[len(c.Prefix)-1] == '/':
		return fmt.Errorf("the prefix %q must begin with a slash and not end with one", c.Prefix)
	case c.MaxConns < 0 || c.MaxConnsEach < 0:
		return errors.New("numbers of connections must be positive")
	case c.ProxyProtocol && len(c.TrustedProxies) == 0:
		return errors.New("the PROXY protocol needs trusted proxies, or nobody may speak it")
	}
	return checkProxies(c.TrustedProxies)
}

func (g *Gateway) newServer() *fasthttp.Server {
	return &fasthttp.Server{
		Handler:               g.serve,
		ErrorHandler:          g.broken,
		Logger:                quiet{},
		ReadBufferSize:        g.MaxHeader + 1, // a head of the greatest size and what bufio needs
		MaxRequestBodySize:    g.MaxBody,
		NoDefaultServerHeader: true,
		NoDefaultContentType:  true,
		CloseOnShutdown:       true,
		KeepHijackedConns:     true, // a session outlives the request that began it
		SecureErrorLogMessage: true,
		// A body is JSON or refused; nothing looks into forms.
		DisablePreParseMultipartForm: true,
		// Timeouts are the guard's: it knows where a request begins.
	}
}

// quiet drops what the HTTP library logs: it would repeat parts of requests.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// Serve answers on a listener until Shutdown, which makes it return nil.
func (g *Gateway) Serve(l net.Listener) error {
	return g.serveOn(l, g.proxied(l))
}

// ServeTLS is Serve over TLS, 1.2 or newer. The configuration must hold a
// certificate; HTTP/1.1 is the only protocol that is offered.
func (g *Gateway) ServeTLS(l net.Listener, config *tls.Config) error {
	config = config.Clone()
	config.NextProtos = []string{"http/1.1"}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	return g.serveOn(l, tls.NewListener(g.proxied(l), config))
}

// serveOn answers on the connections of outer, which l gives.
func (g *Gateway) serveOn(l, outer net.Listener) error {
	if !g.open(l) {
		return l.Close()
	}
	return g.server.Serve(&guarded{Listener: outer, g: g})
}

// open notes a listener for Shutdown; false when that has happened already.
func (g *Gateway) open(l net.Listener) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listeners == nil && !g.stopped && g.Leased != nil {
		go g.watch()
	}
	g.listeners = append(g.listeners, l)
	return !g.stopped
}

// Shutdown closes the listeners, lets requests that have begun finish, and
// returns when all connections are closed or the context has ended. A Serve
// that comes later returns at once.
func (g *Gateway) Shutdown(ctx context.Context) error {
	g.mu.Lock()
	if !g.stopped {
		close(g.stopping)
	}
	g.stopped = true
	for _, l := range g.listeners {
		// The server closes them too, but knows only those that it has begun to
		// serve; an error here means that this one is closed.
		_ = l.Close()
	}
	g.mu.Unlock()
	sessions := g.Sessions.stop(ctx)
	err := g.server.ShutdownWithContext(ctx)
	g.upstream.client.CloseIdleConnections()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return errors.Join(sessions, err)
}
