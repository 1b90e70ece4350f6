package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"latchkey/internal/cluster"
	"latchkey/internal/node"
)

// gatewayFlags are the gateway's, in every command that runs one.
type gatewayFlags struct {
	URL           string   `env:"LATCHKEY_GATEWAY_URL" placeholder:"URL" help:"As bots reach it, for the console's examples and .env files."`
	Listen        string   `env:"LATCHKEY_GATEWAY_LISTEN" default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"http; empty for none."`
	TLSListen     string   `name:"tls-listen" env:"LATCHKEY_GATEWAY_TLS" placeholder:"HOST:PORT" help:"https; empty for none."`
	TLSCert       string   `name:"tls-cert" type:"path" env:"LATCHKEY_GATEWAY_CERT" placeholder:"FILE" help:"Certificate, PEM."`
	TLSKey        string   `name:"tls-key" type:"path" env:"LATCHKEY_GATEWAY_KEY" placeholder:"FILE" help:"Its key, PEM."`
	Plain         bool     `env:"LATCHKEY_GATEWAY_PLAIN" help:"Listen without TLS on an address of the network: a proxy of yours ends TLS before it."`
	ProxyProtocol bool     `help:"Trusted proxies speak PROXY protocol v2."`
	Origin        []string `placeholder:"ORIGIN" help:"Origins of pages in browsers that may open WebSocket sessions; none else may."`
	MaxConns      int      `placeholder:"N" help:"Open connections of clients; a quarter of the limit of open files when not given."`
	MaxConnsEach  int      `placeholder:"N" help:"Of those from one address; a quarter of them when not given."`
	MaxSessions   int      `default:"100" placeholder:"N" help:"WebSocket sessions of a key."`
	MaxMessages   int      `default:"100" placeholder:"N" help:"Messages of a WebSocket session in a second."`
}

// apply checks the flags and puts them into a configuration.
func (f gatewayFlags) apply(c *node.Config, trusted []string) error {
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	proxies, err := prefixes(trusted)
	note(err)
	if f.TLSListen != "" && (f.TLSCert == "" || f.TLSKey == "") {
		note(errors.New("--gateway-tls-listen needs --gateway-tls-cert and --gateway-tls-key"))
	}
	note(checkOrigin("--gateway-url", f.URL))
	for _, origin := range f.Origin {
		note(checkFurther("--gateway-origin", origin))
	}
	if f.MaxConns < 0 || f.MaxConnsEach < 0 || f.MaxSessions < 1 || f.MaxMessages < 1 {
		note(errors.New("--gateway-max-conns, --gateway-max-conns-each, --gateway-max-sessions and --gateway-max-messages must be more than 0"))
	}
	note(checkListen("--gateway-listen", f.Listen))
	note(checkListen("--gateway-tls-listen", f.TLSListen))
	if !f.Plain {
		note(checkPlain("--gateway-listen", f.Listen, "take --gateway-tls-listen in its place (and --gateway-listen \"\"), listen on 127.0.0.1, or say --gateway-plain"))
	}
	c.PublicGateway, c.TrustedProxies, c.ProxyProtocol, c.WSOrigins = f.URL, proxies, f.ProxyProtocol, f.Origin
	c.Gateway = node.Listen{Addr: f.Listen}
	c.GatewayTLS = node.Listen{Addr: f.TLSListen, CertFile: f.TLSCert, KeyFile: f.TLSKey}
	c.MaxConns, c.MaxConnsEach, c.MaxSessions, c.MaxMessages = f.MaxConns, f.MaxConnsEach, f.MaxSessions, f.MaxMessages
	return errors.Join(errs...)
}

// upstreamFlags say where the exchange is.
type upstreamFlags struct {
	URL     string        `env:"LATCHKEY_UPSTREAM" required:"" placeholder:"URL" help:"The exchange's API, such as http://10.0.0.5:9000."`
	Timeout time.Duration `default:"30s" help:"How long an answer may take."`
	Secret  string        `name:"secret-file" type:"path" env:"LATCHKEY_IDENTITY_SECRET_FILE" placeholder:"FILE" help:"Secret shared with the exchange, which checks the identity headers with it; LATCHKEY_IDENTITY_SECRET may hold it instead."`
}

func (f upstreamFlags) apply(c *node.Config) (err error) {
	c.Upstream, c.AnswerDeadline = f.URL, f.Timeout
	c.IdentitySecret, err = identitySecret(f.Secret)
	return errors.Join(err, checkUpstream(f.URL), checkPositive("--upstream-timeout", f.Timeout))
}

// clusterFlags are about several gateway nodes on one PostgreSQL.
type clusterFlags struct {
	Node          string        `env:"LATCHKEY_NODE" placeholder:"NAME" help:"Name of this gateway node; the machine's when empty."`
	Lease         time.Duration `default:"5s" help:"How long a node serves when the database does not answer; a node that dies delays each change by as long (3s to 30s; down to 500ms for tests)."`
	Redis         string        `name:"redis-url" env:"LATCHKEY_REDIS" placeholder:"URL" help:"Redis that the nodes share, redis:// or rediss://; its password: in LATCHKEY_REDIS, not on the command line."`
	RedisCA       string        `name:"redis-ca" type:"path" env:"LATCHKEY_REDIS_CA" placeholder:"FILE" help:"Certificate that Redis's is trusted by."`
	RefuseReads   bool          `help:"Refuse also calls that change nothing while Redis is away; else each node gives out its part of their points."`
	SinglePrimary bool          `help:"There is no standby that could ever take over from this PostgreSQL with less than was acknowledged."`
}

func (f clusterFlags) apply(c *node.Config) error {
	c.NodeName, c.Lease, c.SinglePrimary = f.Node, f.Lease, f.SinglePrimary
	c.Redis.URL, c.Redis.CAFile, c.Redis.RefuseReads = f.Redis, f.RedisCA, f.RefuseReads
	if f.Lease < 500*time.Millisecond || f.Lease > 30*time.Second {
		return errors.New("--cluster-lease must be 500ms to 30s; less than 3s is for tests")
	}
	return nil
}

// gatewayCmd is a gateway node alone, beside consoles on the same PostgreSQL.
type gatewayCmd struct {
	Config      string        `type:"path" env:"LATCHKEY_CONFIG" placeholder:"FILE" help:"YAML file with settings named like the flags."`
	Database    string        `required:"" env:"LATCHKEY_DATABASE" placeholder:"URL" help:"postgres://..., as a user with the role latchkey_gateway."`
	KeysetFile  string        `type:"path" env:"LATCHKEY_KEYSET_FILE" placeholder:"FILE" help:"Keyset of the database; LATCHKEY_KEYSET may hold its text instead."`
	Catalog     string        `type:"path" env:"LATCHKEY_CATALOG" placeholder:"FILE" help:"Actions of the exchange's API; the built-in catalog when empty."`
	LogLevel    string        `enum:"debug,info,warn,error" default:"info" env:"LATCHKEY_LOG_LEVEL" help:"JSON lines on standard error."`
	Metrics     string        `env:"LATCHKEY_METRICS" default:"127.0.0.1:9090" placeholder:"HOST:PORT" help:"Metrics, health and readiness; not for the internet."`
	TrustedPeer []string      `name:"trusted-proxy" env:"LATCHKEY_TRUSTED_PROXIES" placeholder:"PREFIX" help:"Proxies whose word about the client's address is believed."`
	Gateway     gatewayFlags  `embed:"" prefix:"gateway-"`
	Upstream    upstreamFlags `embed:"" prefix:"upstream-"`
	Cluster     clusterFlags  `embed:"" prefix:"cluster-"`

	Points       int           `name:"limit-points" default:"200" help:"Points of a key and calendar minute."`
	PublicPoints int           `name:"limit-public-points" default:"100" help:"Points of an address and calendar minute, for public calls."`
	Window       time.Duration `name:"limit-window" default:"20s" help:"How far a request's timestamp may lie from the clock."`
}

// Run serves until the first signal.
func (c *gatewayCmd) Run(ctx context.Context, s streams) error {
	config, err := c.node()
	if err != nil {
		return usageError{err}
	}
	config.Log = newLog(s.err, c.LogLevel)
	return runNode(ctx, s, config, func(n *node.Node) string {
		return fmt.Sprintf("Latchkey gateway serves. gateway %s %s metrics %s\n", n.GatewayURL, n.GatewayTLSURL, n.MetricsURL)
	})
}

func (c *gatewayCmd) node() (node.Config, error) {
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	config := node.Config{
		Store:       node.StoreConfig{DatabaseURL: c.Database, KeysetFile: c.KeysetFile, KeysetText: keysetFromEnvironment(), Gateway: true},
		CatalogFile: c.Catalog, Metrics: node.Listen{Addr: c.Metrics}, Points: c.Points, PublicPoints: c.PublicPoints, Window: c.Window, Now: cluster.Wall,
	}
	if !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		note(errors.New("--database: a gateway alone needs postgres://...; on SQLite, latchkey serve runs the gateway"))
	}
	if config.Store.KeysetFile == "" && config.Store.KeysetText == "" {
		note(errors.New("--keyset-file is missing: the keyset that opens what the database holds; copy it from the console's data folder, or set LATCHKEY_KEYSET"))
	}
	if c.Points < 1 || c.PublicPoints < 1 || c.Window < time.Second {
		note(errors.New("--limit-points and --limit-public-points must be more than 0, --limit-window 1s or more"))
	}
	note(checkListen("--metrics", c.Metrics))
	note(c.Gateway.apply(&config, c.TrustedPeer))
	note(c.Upstream.apply(&config))
	note(c.Cluster.apply(&config))
	return config, errors.Join(errs...)
}

// checkUpstream refuses what can be no exchange, before anything is made.
func checkUpstream(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("--upstream-url: %q is not http://HOST or https://HOST", text)
	}
	if _, err := strconv.ParseUint(cmp.Or(u.Port(), "80"), 10, 16); err != nil {
		return fmt.Errorf("--upstream-url: %q is not a port", u.Port())
	}
	return nil
}

// prefixes reads addresses and prefixes of proxies.
func prefixes(texts []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
			p, err = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxy: %q is neither an address nor a prefix", text)
		}
		out = append(out, p)
	}
	return out, nil
}

// identitySecret reads what the exchange checks the gateway's word with: from
// a file, or from the environment when none is named.
func identitySecret(file string) ([]byte, error) {
	text := os.Getenv("LATCHKEY_IDENTITY_SECRET")
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("identity secret: %w", err)
		}
		text = string(content)
	}
	text = strings.TrimSpace(text)
	if len(text) < 32 {
		return nil, errors.New("the identity secret, shared with the exchange, must have at least 32 characters; make one with `openssl rand -hex 32` and name its file, or set LATCHKEY_IDENTITY_SECRET")
	}
	return []byte(text), nil
}
