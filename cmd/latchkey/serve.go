package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"latchkey"
	"latchkey/internal/courier"
	"latchkey/internal/node"
)

// stopLimit is how long a server may take to finish what runs.
const stopLimit = 30 * time.Second

// serveCmd is the configuration of a server. Secrets come from the environment
// or from files, never from the command line.
type serveCmd struct {
	dataFlags
	Name        string   `env:"LATCHKEY_NAME" default:"Latchkey" help:"Name of the platform, in messages and authenticator apps."`
	Catalog     string   `type:"path" env:"LATCHKEY_CATALOG" placeholder:"FILE" help:"Actions of the exchange's API; the built-in catalog when empty."`
	LogLevel    string   `enum:"debug,info,warn,error" default:"info" env:"LATCHKEY_LOG_LEVEL" help:"JSON lines on standard error."`
	Metrics     string   `env:"LATCHKEY_METRICS" default:"127.0.0.1:9090" placeholder:"HOST:PORT" help:"Metrics, health and readiness; not for the internet."`
	TrustedPeer []string `name:"trusted-proxy" env:"LATCHKEY_TRUSTED_PROXIES" placeholder:"PREFIX" help:"Proxies whose word about the client's address is believed."`

	OutboxPoll time.Duration `default:"500ms" help:"How often the outbox is looked into for mails and SMS to send."`

	Console struct {
		Listen  string   `env:"LATCHKEY_CONSOLE" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Console and management API."`
		URL     string   `env:"LATCHKEY_CONSOLE_URL" placeholder:"URL" help:"As browsers reach it; https:// behind a proxy that ends TLS."`
		Origin  []string `placeholder:"ORIGIN" help:"Further origins that may send changes."`
		TLSCert string   `name:"tls-cert" type:"path" env:"LATCHKEY_CONSOLE_CERT" placeholder:"FILE" help:"Certificate, PEM."`
		TLSKey  string   `name:"tls-key" type:"path" env:"LATCHKEY_CONSOLE_KEY" placeholder:"FILE" help:"Its key, PEM."`
	} `embed:"" prefix:"console-"`

	Gateway struct {
		URL           string   `env:"LATCHKEY_GATEWAY_URL" placeholder:"URL" help:"As bots reach it, for the console's examples and .env files."`
		Listen        string   `env:"LATCHKEY_GATEWAY_LISTEN" default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"http; empty for none."`
		TLSListen     string   `name:"tls-listen" env:"LATCHKEY_GATEWAY_TLS" placeholder:"HOST:PORT" help:"https; empty for none."`
		TLSCert       string   `name:"tls-cert" type:"path" env:"LATCHKEY_GATEWAY_CERT" placeholder:"FILE" help:"Certificate, PEM."`
		TLSKey        string   `name:"tls-key" type:"path" env:"LATCHKEY_GATEWAY_KEY" placeholder:"FILE" help:"Its key, PEM."`
		ProxyProtocol bool     `help:"Trusted proxies speak PROXY protocol v2."`
		Origin        []string `placeholder:"ORIGIN" help:"Origins of pages in browsers that may open WebSocket sessions; none else may."`
		MaxConns      int      `placeholder:"N" help:"Open connections of clients; a quarter of the limit of open files when not given."`
		MaxConnsEach  int      `placeholder:"N" help:"Of those from one address; a quarter of them when not given."`
		MaxSessions   int      `default:"100" placeholder:"N" help:"WebSocket sessions of a key."`
		MaxMessages   int      `default:"100" placeholder:"N" help:"Messages of a WebSocket session in a second."`
	} `embed:"" prefix:"gateway-"`

	Upstream struct {
		URL     string        `env:"LATCHKEY_UPSTREAM" required:"" placeholder:"URL" help:"The exchange's API, such as http://10.0.0.5:9000."`
		Timeout time.Duration `default:"30s" help:"How long an answer may take."`
		Secret  string        `name:"secret-file" type:"path" env:"LATCHKEY_IDENTITY_SECRET_FILE" placeholder:"FILE" help:"Secret shared with the exchange, which checks the identity headers with it; LATCHKEY_IDENTITY_SECRET may hold it instead."`
	} `embed:"" prefix:"upstream-"`

	SMTP struct {
		Server string `env:"LATCHKEY_SMTP_SERVER" placeholder:"HOST:PORT" help:"Mail server. Its password: LATCHKEY_SMTP_PASSWORD."`
		TLS    string `name:"tls" enum:"starttls,implicit,none" default:"starttls" env:"LATCHKEY_SMTP_TLS" help:"none only on a loopback address."`
		User   string `env:"LATCHKEY_SMTP_USER" help:"Name to sign in with."`
		From   string `env:"LATCHKEY_SMTP_FROM" placeholder:"ADDRESS" help:"Sender of all mails."`
		CA     string `name:"ca" type:"path" env:"LATCHKEY_SMTP_CA" placeholder:"FILE" help:"Certificate that the server's is trusted by."`
	} `embed:"" prefix:"smtp-"`

	SMS struct {
		Webhook       string `env:"LATCHKEY_SMS_WEBHOOK" placeholder:"URL" help:"Post each SMS there, signed with LATCHKEY_SMS_SECRET."`
		TwilioAccount string `env:"LATCHKEY_TWILIO_ACCOUNT" placeholder:"SID" help:"Or send by Twilio; its token: LATCHKEY_TWILIO_TOKEN."`
		TwilioFrom    string `env:"LATCHKEY_TWILIO_FROM" placeholder:"NUMBER" help:"Sender's number."`
		TwilioBase    string `env:"LATCHKEY_TWILIO_BASE" placeholder:"URL" help:"Another service with Twilio's API."`
		Forbid        bool   `env:"LATCHKEY_SMS_FORBID" help:"Accept no phone as a second factor."`
	} `embed:"" prefix:"sms-"`

	Limit limitFlags `embed:"" prefix:"limit-"`
}

// Run serves until the first signal.
func (c *serveCmd) Run(ctx context.Context, s streams) error {
	log := newLog(s.err, c.LogLevel)
	config, err := c.node()
	if err != nil {
		return usageError{err}
	}
	config.Log = log
	n, err := node.Start(ctx, config)
	if err != nil {
		return err
	}
	fmt.Fprint(s.out, c.greeting(n)) // in one piece: scripts wait for its first words
	select {
	case <-ctx.Done():
		log.Info("stopping: what runs is finished first")
	case err = <-n.Failed():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	return errors.Join(err, n.Stop(stop))
}

// greeting says where everything is. Of the link of the first start it names
// the file only: terminals have histories.
func (c *serveCmd) greeting(n *node.Node) string {
	text := fmt.Sprintf("Latchkey serves. console %s gateway %s %s metrics %s\n", n.ConsoleURL, n.GatewayURL, n.GatewayTLSURL, n.MetricsURL)
	if n.SetupLink != "" {
		text += fmt.Sprintf("There is no account yet. Open the link in %s within %.0f minutes: it makes the first account and its owner.\n", n.SetupLink, c.Limit.LinkLife.Minutes())
	}
	return text
}

// node turns flags, environment and file into a node's configuration. All that
// is wrong is said at once.
func (c *serveCmd) node() (node.Config, error) {
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	secret, err := identitySecret(c.Upstream.Secret)
	note(err)
	mail, err := c.mail()
	note(err)
	sms, err := c.sms()
	note(err)
	proxies, err := prefixes(c.TrustedPeer)
	note(err)
	if (c.Gateway.TLSListen != "") && (c.Gateway.TLSCert == "" || c.Gateway.TLSKey == "") {
		note(errors.New("--gateway-tls-listen needs --gateway-tls-cert and --gateway-tls-key"))
	}
	if (c.Console.TLSCert == "") != (c.Console.TLSKey == "") {
		note(errors.New("--console-tls-cert and --console-tls-key go together"))
	}
	limits, err := c.Limit.limits()
	note(err)
	note(checkUpstream(c.Upstream.URL))
	note(checkOrigin("--console-url", c.Console.URL))
	note(checkOrigin("--gateway-url", c.Gateway.URL))
	for _, origin := range c.Console.Origin {
		note(checkFurther("--console-origin", origin))
	}
	for _, origin := range c.Gateway.Origin {
		note(checkFurther("--gateway-origin", origin))
	}
	note(c.bounds())
	note(checkPositive("--outbox-poll", c.OutboxPoll))
	note(checkPositive("--upstream-timeout", c.Upstream.Timeout))
	note(checkListen("--console-listen", c.Console.Listen))
	note(checkListen("--gateway-listen", c.Gateway.Listen))
	note(checkListen("--gateway-tls-listen", c.Gateway.TLSListen))
	note(checkListen("--metrics", c.Metrics))
	return node.Config{
		Store: c.store(), CatalogFile: c.Catalog, Limits: limits, Points: c.Limit.Points,
		PublicPoints: c.Limit.PublicPoints, Window: c.Limit.Window, OutboxPoll: c.OutboxPoll, Name: c.Name,
		Console:    node.Listen{Addr: c.Console.Listen, CertFile: c.Console.TLSCert, KeyFile: c.Console.TLSKey},
		ConsoleURL: c.Console.URL, PublicGateway: c.Gateway.URL, Origins: c.Console.Origin, Setup: true,
		Gateway:    node.Listen{Addr: c.Gateway.Listen},
		GatewayTLS: node.Listen{Addr: c.Gateway.TLSListen, CertFile: c.Gateway.TLSCert, KeyFile: c.Gateway.TLSKey},
		Metrics:    node.Listen{Addr: c.Metrics}, TrustedProxies: proxies, ProxyProtocol: c.Gateway.ProxyProtocol,
		WSOrigins: c.Gateway.Origin, MaxConns: c.Gateway.MaxConns, MaxConnsEach: c.Gateway.MaxConnsEach,
		MaxSessions: c.Gateway.MaxSessions, MaxMessages: c.Gateway.MaxMessages,
		Upstream: c.Upstream.URL, IdentitySecret: secret, AnswerDeadline: c.Upstream.Timeout,
		Mail: mail, SMS: sms, ForbidSMS: c.SMS.Forbid, Now: time.Now,
	}, errors.Join(errs...)
}

// checkListen refuses what can be no address to listen on. Empty is no server.
func checkListen(flag, addr string) error {
	if addr == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%s: %q is not HOST:PORT, such as 127.0.0.1:8080", flag, addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%s: %q is not a port; it is a number from 0 (any free one) to 65535", flag, port)
	}
	return nil
}

// checkOrigin refuses what can be no origin: links in mails, passkeys and
// examples are made of it. Empty is the listener's own.
func checkOrigin(flag, text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("%s: %q is not https://HOST or http://HOST, without a path", flag, text)
	}
	return nil
}

// checkFurther refuses what the guard against other sites' pages would not
// take; it compares letter by letter, so not even a slash may follow.
func checkFurther(flag, origin string) error {
	if err := http.NewCrossOriginProtection().AddTrustedOrigin(origin); err != nil {
		return fmt.Errorf("%s: %q is not https://HOST or http://HOST, without anything behind", flag, origin)
	}
	return nil
}

// bounds refuses bounds under which nobody could be served.
func (c *serveCmd) bounds() error {
	g := c.Gateway
	if g.MaxConns < 0 || g.MaxConnsEach < 0 || g.MaxSessions < 1 || g.MaxMessages < 1 {
		return errors.New("--gateway-max-conns, --gateway-max-conns-each, --gateway-max-sessions and --gateway-max-messages must be more than 0")
	}
	return nil
}

// checkPositive refuses a time in which nothing could be done.
func checkPositive(flag string, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%s must be more than 0, such as 30s", flag)
	}
	return nil
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

// mail is the mail server. A server cannot do without: activation needs it.
func (c *serveCmd) mail() (courier.Sender, error) {
	if c.SMTP.Server == "" {
		return nil, errors.New("--smtp-server is missing: keys are activated by e-mail")
	}
	if c.SMTP.From == "" {
		return nil, errors.New("--smtp-from is missing: the address that the mails come from")
	}
	host, port, err := net.SplitHostPort(c.SMTP.Server)
	if err != nil {
		return nil, fmt.Errorf("--smtp-server: %w", err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("--smtp-server: %q is not a port", port)
	}
	return courier.NewSMTP(courier.SMTPConfig{
		Host: host, Port: int(number), TLS: courier.TLSMode(c.SMTP.TLS), Username: c.SMTP.User,
		Password: latchkey.Secret(os.Getenv("LATCHKEY_SMTP_PASSWORD")), From: c.SMTP.From, FromName: c.Name,
		CAFile: c.SMTP.CA, Now: time.Now,
	})
}

// sms is the way of text messages. Without one no phone can be enrolled.
func (c *serveCmd) sms() (courier.Sender, error) {
	switch {
	case c.SMS.Webhook != "" && c.SMS.TwilioAccount != "":
		return nil, errors.New("--sms-webhook and --sms-twilio-account exclude each other")
	case c.SMS.Webhook != "":
		return courier.NewWebhook(courier.WebhookConfig{URL: c.SMS.Webhook, Secret: latchkey.Secret(os.Getenv("LATCHKEY_SMS_SECRET")), Now: time.Now})
	case c.SMS.TwilioAccount != "":
		return courier.NewTwilio(courier.TwilioConfig{
			Base: c.SMS.TwilioBase, AccountSID: c.SMS.TwilioAccount, From: c.SMS.TwilioFrom,
			AuthToken: latchkey.Secret(os.Getenv("LATCHKEY_TWILIO_TOKEN")),
		})
	}
	c.SMS.Forbid = true
	return nil, nil
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
