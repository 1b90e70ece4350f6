// Package node is one process of Latchkey: storage, authority, management API,
// gateway, courier and the operator's socket, wired by hand from top to bottom.
// The commands serve and demo start one; so do the tests.
package node

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"latchkey"
	"latchkey/catalog"
	"latchkey/internal/authority"
	"latchkey/internal/cluster"
	"latchkey/internal/courier"
	"latchkey/internal/gateway"
	"latchkey/internal/operator"
	"latchkey/internal/verify"
)

// Listen says where a server listens, and with which certificate. An empty
// Addr is a server that does not run.
type Listen struct {
	Addr     string
	CertFile string // with KeyFile: TLS
	KeyFile  string
}

// Config is what a node needs.
type Config struct {
	Store       StoreConfig
	CatalogFile string // "" is the built-in catalog
	Limits      latchkey.Limits
	// Points of a key, and of an address for public calls, in a calendar
	// minute; 0 is 200 and 100. Window is how far a timestamp may lie from the
	// clock; 0 is 20 s.
	Points       int
	PublicPoints int
	Window       time.Duration
	OutboxPoll   time.Duration // 0 is 500 ms
	Name         string        // of the platform, in messages and authenticator apps

	Console    Listen
	ConsoleURL string // as browsers reach it; "" is the listener's own
	// Setup writes a one-time link into the data folder while there is no
	// account: the console makes the first one with it.
	Setup         bool
	Origins       []string
	PublicGateway string // base URL under which bots reach the gateway; "" is the listener's own
	Gateway       Listen
	GatewayTLS    Listen
	// SelfMadeTLS makes a certificate in the data folder when GatewayTLS has
	// none. For a demo only.
	SelfMadeTLS bool
	Metrics     Listen

	TrustedProxies []netip.Prefix
	ProxyProtocol  bool
	WSOrigins      []string // of pages in browsers that may open WebSocket sessions
	// Bounds of the gateway; 0 is its own default.
	MaxConns, MaxConnsEach, MaxSessions, MaxMessages int
	MaxConsoleConns                                  int // open to the console; 0 is an eighth of the descriptors

	Upstream       string // URL of the exchange
	IdentitySecret []byte // shared with the exchange
	AnswerDeadline time.Duration

	// Among several gateway nodes on one PostgreSQL.
	NodeName      string              // for people; "" is the machine's
	Lease         time.Duration       // how long a node serves without the database; 0 is 5 s
	Redis         cluster.RedisConfig // URL and CAFile; the rest is the node's. No URL: the memory of this process
	SinglePrimary bool                // the operator says that no standby can be promoted with less than was acknowledged
	Sandbox       bool                // run the sandbox exchange in this process and forward to it

	Mail      courier.Sender
	SMS       courier.Sender
	ForbidSMS bool
	// SMSCountries are what phone numbers may begin with, see authority.Config.
	SMSCountries []string

	Now func() time.Time
	Log *slog.Logger
}

// Node is a running process.
type Node struct {
	ConsoleURL    string
	GatewayURL    string
	GatewayTLSURL string
	MetricsURL    string
	SetupLink     string // the file with the link of the first start; "": there is none
	Catalog       *latchkey.Catalog

	config    Config
	storage   storage
	authority *authority.Authority
	table     *verify.Table
	sessions  *gateway.Sessions // over the table
	tally     *verify.Tally
	feed      *cluster.Feed
	member    *cluster.Member   // this node among others; nil on SQLite
	barrier   *cluster.Barrier  // what changes of keys wait for; nil on SQLite
	rollCall  *cluster.RollCall // who holds which session; nil on SQLite
	redis     *cluster.Redis    // nil: the memory of this process
	gateway   *gateway.Gateway
	metrics   *prometheus.Registry
	sign      func(context.Context) error // the end of the activities, when it moved; nil: this node does not

	console   net.Listener // nil: this node has none
	listeners []net.Listener
	servers   []*http.Server
	socket    net.Listener
	work      context.Context // ends when the node stops
	cancel    context.CancelFunc
	running   sync.WaitGroup
	failed    chan error
}

// Start opens the data, listens everywhere, and serves; a gateway alone
// (StoreConfig.Gateway) has neither console nor authority. When it returns an
// error nothing is left running. What fails later is sent to Failed.
func Start(ctx context.Context, c Config) (*Node, error) {
	c.Points, c.PublicPoints = cmp.Or(c.Points, 200), cmp.Or(c.PublicPoints, 100)
	c.Window, c.Lease = cmp.Or(c.Window, 20*time.Second), cmp.Or(c.Lease, 5*time.Second)
	n := &Node{config: c, failed: make(chan error, 8), metrics: prometheus.NewRegistry()}
	n.work, n.cancel = context.WithCancel(context.WithoutCancel(ctx))
	steps := []func(context.Context) error{
		n.openCatalog, n.openStorage, n.loadKeys, n.listenConsole, n.openAuthority, n.openSetup, n.startSandbox,
		n.startGateway, n.startConsole, n.startMetrics, n.startSocket, n.startWork,
	}
	if c.Store.Gateway {
		steps = []func(context.Context) error{n.openCatalog, n.openStorage, n.loadKeys, n.startGateway, n.startMetrics, n.startTally}
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return nil, errors.Join(err, n.Stop(stop))
		}
	}
	return n, nil
}

// Failed receives what ends a running server.
func (n *Node) Failed() <-chan error { return n.failed }

// Operator is the operator's door of this process.
func (n *Node) Operator() authority.Operator { return n.authority.Operator() }

// HasFactor says whether a member has a second factor.
func (n *Node) HasFactor(ctx context.Context, m latchkey.Member) (bool, error) {
	factors, err := n.storage.store.Factors(ctx, m.ID)
	return len(factors) > 0, err
}

func (n *Node) openCatalog(context.Context) (err error) {
	if n.config.CatalogFile == "" {
		n.Catalog, err = catalog.Prime()
	} else {
		n.Catalog, err = catalog.LoadFile(n.config.CatalogFile)
	}
	return err
}

func (n *Node) openStorage(ctx context.Context) (err error) {
	if n.storage, err = openStorage(ctx, n.config.Store, n.config.Now, n.config.Log); err != nil || n.config.Store.Gateway {
		return err
	}
	now, err := n.storage.store.Revs(ctx)
	if err != nil {
		return err
	}
	return n.config.Store.checkNewest(now)
}

// startGateway listens for bots, with and without TLS.
func (n *Node) startGateway(ctx context.Context) error {
	c := n.config
	start, err := n.freshSecond(ctx)
	if err != nil {
		return err
	}
	upstream, err := url.Parse(c.Upstream)
	if err != nil {
		return fmt.Errorf("address of the exchange: %w", err)
	}
	ledger, err := n.ledger(ctx, start)
	if err != nil {
		return err
	}
	g, err := gateway.New(gateway.Config{
		Catalog: n.Catalog, Table: n.table, Ledger: ledger, Tally: n.tally, Sessions: n.sessions,
		Upstream: upstream, UpstreamTimeout: c.AnswerDeadline, IdentitySecret: c.IdentitySecret,
		Window: c.Window, Points: c.Points, PublicPoints: c.PublicPoints,
		TrustedProxies: c.TrustedProxies, ProxyProtocol: c.ProxyProtocol, Origins: c.WSOrigins,
		MaxConns: c.MaxConns, MaxConnsEach: c.MaxConnsEach, MaxSessions: c.MaxSessions, MaxMessages: c.MaxMessages,
		Leased: n.leased(), Now: c.Now, Start: start, Log: c.Log, Metrics: n.metrics,
	})
	if err != nil {
		return err
	}
	n.gateway = g
	if c.Gateway.Addr != "" {
		ln, err := n.listen("gateway", c.Gateway.Addr)
		if err != nil {
			return err
		}
		n.GatewayURL = "http://" + ln.Addr().String()
		n.run("gateway", func() error { return g.Serve(ln) })
	}
	if c.GatewayTLS.Addr == "" {
		return nil
	}
	config, err := n.gatewayTLS()
	if err != nil {
		return err
	}
	ln, err := n.listen("gateway (TLS)", c.GatewayTLS.Addr)
	if err != nil {
		return err
	}
	n.GatewayTLSURL = "https://" + ln.Addr().String()
	n.run("gateway (TLS)", func() error { return g.ServeTLS(ln, config) })
	return nil
}

// freshSecond is the second from which on no process before this one can have
// seen a request. Timestamps are whole seconds, so where keys are in use it is
// the next one, and the start waits for it: an order that was executed just
// before the restart would else be executed again.
func (n *Node) freshSecond(ctx context.Context) (time.Time, error) {
	now := n.config.Now()
	start := now.Truncate(time.Second)
	if n.table.Len() == 0 || start.Equal(now) {
		return start, nil
	}
	start = start.Add(time.Second)
	wait := time.NewTimer(start.Sub(now))
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	case <-wait.C:
		return start, nil
	}
}

func (n *Node) gatewayTLS() (*tls.Config, error) {
	if l := n.config.GatewayTLS; l.CertFile != "" || !n.config.SelfMadeTLS {
		return loadTLS(l.CertFile, l.KeyFile)
	}
	return selfMadeTLS(n.config.Store.DataDir, n.config.Now())
}

// listen opens a TCP listener; what is wrong with the address is said with the
// name of the server that wanted it.
func (n *Node) listen(what, addr string) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s cannot listen on %s: %w (choose another address or end the program that uses it)", what, addr, err)
	}
	n.listeners = append(n.listeners, ln)
	return ln, nil
}

// serveHTTP serves on net/http with bounds against slow clients.
func (n *Node) serveHTTP(what string, ln net.Listener, handler http.Handler, l Listen) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 2 * time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(n.config.Log.Handler(), slog.LevelWarn),
	}
	if bounded, ok := ln.(*lobby); ok {
		server.ConnState = bounded.noted
	}
	if l.CertFile != "" {
		config, err := loadTLS(l.CertFile, l.KeyFile)
		if err != nil {
			return err
		}
		ln = tls.NewListener(ln, config)
	}
	n.servers = append(n.servers, server)
	n.run(what, func() error {
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	return nil
}

// startSocket listens for the operator's commands.
func (n *Node) startSocket(context.Context) (err error) {
	if n.socket, err = operator.Listen(n.config.Store.DataDir); err != nil {
		return err
	}
	door := operator.Door{Authority: n.authority.Operator(), Maintenance: n.storage, Database: n.config.Store.Name(), ConsoleURL: n.ConsoleURL}
	n.run("operator socket", func() error { return operator.Serve(n.work, n.socket, door, n.config.Log) })
	return nil
}

// run starts a server that ends by itself only when something is wrong.
func (n *Node) run(what string, serve func() error) {
	n.running.Go(func() {
		if err := serve(); err != nil && n.work.Err() == nil {
			n.config.Log.Error("server ended", "server", what, "error", err)
			select {
			case n.failed <- fmt.Errorf("%s: %w", what, err):
			default: // somebody is told already
			}
		}
	})
}

// Stop ends everything in the order that loses nothing: no new requests, those
// that run are finished, what was noted is written, then the database closes.
func (n *Node) Stop(ctx context.Context) error {
	var errs []error
	if n.gateway != nil {
		errs = append(errs, n.gateway.Shutdown(ctx))
	}
	for _, s := range n.servers {
		errs = append(errs, s.Shutdown(ctx))
	}
	n.cancel()
	if n.socket != nil {
		errs = append(errs, n.socket.Close())
	}
	for _, ln := range n.listeners {
		_ = ln.Close() // most are closed already by their servers
	}
	n.running.Wait()
	if n.member != nil {
		// The gateway serves no more, so from here on no change waits for it.
		errs = append(errs, n.member.Leave(ctx))
	}
	if n.feed != nil {
		n.feed.Close()
	}
	if n.redis != nil {
		n.redis.Close()
	}
	if n.storage.store != nil && !n.config.Store.Gateway {
		errs = append(errs, n.noteNewest(ctx))
	}
	if n.sign != nil {
		n.try(ctx, signing, n.sign)
	}
	return errors.Join(append(errs, n.storage.close())...)
}

// newSecret makes an identity secret for a sandbox in the same process.
func newSecret() []byte {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails: crypto/rand ends the program instead
	return secret
}
