package main

import (
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
	"latchkey/internal/cluster"
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
		Plain   bool     `env:"LATCHKEY_CONSOLE_PLAIN" help:"Listen without TLS on an address of the network: a proxy of yours ends TLS before it."`
	} `embed:"" prefix:"console-"`

	Gateway  gatewayFlags  `embed:"" prefix:"gateway-"`
	Upstream upstreamFlags `embed:"" prefix:"upstream-"`
	Cluster  clusterFlags  `embed:"" prefix:"cluster-"`

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

		Countries []string `env:"LATCHKEY_SMS_COUNTRIES" placeholder:"CODE" help:"What numbers may begin with, such as 353 or 1212; all when empty."`
	} `embed:"" prefix:"sms-"`

	Limit limitFlags `embed:"" prefix:"limit-"`
}

// Run serves until the first signal.
func (c *serveCmd) Run(ctx context.Context, s streams) error {
	config, err := c.node()
	if err != nil {
		return usageError{err}
	}
	config.Log = newLog(s.err, c.LogLevel)
	node.AddProcessor()
	return runNode(ctx, s, config, c.greeting)
}

// runNode serves until the first signal, or until something fails.
func runNode(ctx context.Context, s streams, config node.Config, greeting func(*node.Node) string) error {
	warnRoot(config.Log, os.Geteuid())
	n, err := node.Start(ctx, config)
	if err != nil {
		return err
	}
	fmt.Fprint(s.out, greeting(n)) // in one piece: scripts wait for its first words
	select {
	case <-ctx.Done():
		config.Log.Info("stopping: what runs is finished first")
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
	mail, err := c.mail()
	note(err)
	sms, err := c.sms()
	note(err)
	if (c.Console.TLSCert == "") != (c.Console.TLSKey == "") {
		note(errors.New("--console-tls-cert and --console-tls-key go together"))
	}
	limits, err := c.Limit.limits()
	note(err)
	note(checkOrigin("--console-url", c.Console.URL))
	for _, origin := range c.Console.Origin {
		note(checkFurther("--console-origin", origin))
	}
	note(checkPositive("--outbox-poll", c.OutboxPoll))
	note(checkListen("--console-listen", c.Console.Listen))
	if c.Console.TLSCert == "" && !c.Console.Plain {
		note(checkPlain("--console-listen", c.Console.Listen, "give it --console-tls-cert and --console-tls-key, listen on 127.0.0.1, or say --console-plain"))
	}
	note(checkListen("--metrics", c.Metrics))
	note(checkCountries(c.SMS.Countries))
	config := node.Config{
		Store: c.store(), CatalogFile: c.Catalog, Limits: limits, Points: c.Limit.Points,
		PublicPoints: c.Limit.PublicPoints, Window: c.Limit.Window, OutboxPoll: c.OutboxPoll, Name: c.Name,
		Console:    node.Listen{Addr: c.Console.Listen, CertFile: c.Console.TLSCert, KeyFile: c.Console.TLSKey},
		ConsoleURL: c.Console.URL, Origins: c.Console.Origin, Setup: true, Metrics: node.Listen{Addr: c.Metrics},
		Mail: mail, SMS: sms, ForbidSMS: c.SMS.Forbid, SMSCountries: c.SMS.Countries, Now: cluster.Wall,
	}
	note(c.Gateway.apply(&config, c.TrustedPeer))
	note(c.Upstream.apply(&config))
	note(c.Cluster.apply(&config))
	return config, errors.Join(errs...)
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

// checkPlain refuses to speak without TLS where others than this machine can
// listen in: passwords, cookies and orders would be read on the way. What cannot
// be read as an address of this machine is one of the network.
func checkPlain(flag, addr, mend string) error {
	host, _, err := net.SplitHostPort(addr)
	if addr == "" || err != nil || host == "localhost" { // what is no HOST:PORT is refused for that
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsLoopback() {
		return nil
	}
	return fmt.Errorf("%s: %q can be reached from the network and has no TLS: %s where a proxy of yours ends TLS before it", flag, addr, mend)
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

// checkCountries refuses what no number begins with: a list that matches nothing
// would keep members out who have a phone as their only second factor.
func checkCountries(codes []string) error {
	for _, code := range codes {
		if len(code) < 1 || len(code) > 7 || code[0] == '0' || strings.Trim(code, "0123456789") != "" {
			return fmt.Errorf("--sms-countries: %q is not a country calling code, such as 353: digits only, without +", code)
		}
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
