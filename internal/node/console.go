package node

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strings"

	"latchkey/internal/api"
	"latchkey/signature"
	"latchkey/web"
)

// listenConsole takes the console's address. It comes before the authority,
// which has to know under which name browsers reach it: passkeys and the links
// in mails are bound to that name.
func (n *Node) listenConsole(context.Context) (err error) {
	c := n.config
	n.ConsoleURL = strings.TrimSuffix(c.ConsoleURL, "/")
	if c.Console.Addr == "" {
		return nil
	}
	if n.console, err = n.listen("console", c.Console.Addr); err != nil {
		return err
	}
	if n.ConsoleURL == "" {
		n.ConsoleURL = consoleURL(c.Console.CertFile != "", n.console.Addr())
	}
	return nil
}

// startConsole serves the management API and the console.
func (n *Node) startConsole(context.Context) error {
	if n.console == nil {
		return nil
	}
	c := n.config
	files, err := api.NewConsole(web.Dist())
	if err != nil {
		return err
	}
	handler := api.New(api.Config{
		Authority: firstStart{n.authority, n.SetupLink, c.Log}, Catalog: n.Catalog, Limits: c.Limits, Log: c.Log, Now: c.Now,
		ScanJSON: func(body []byte) error { return signature.ScanJSON(body) },
		Health:   n.storage.store.Health, Origins: c.Origins, TrustedProxies: c.TrustedProxies,
		Secure:  c.Console.CertFile != "" || strings.HasPrefix(n.ConsoleURL, "https://"),
		Console: files, Gateway: n.publicGateway(),
	})
	return n.serveHTTP("console", newLobby(n.console, c.MaxConsoleConns, c.TrustedProxies), handler, c.Console)
}

// publicGateway is what the console's examples call. A certificate that was
// made here is trusted by nobody, so plain http comes before it.
func (n *Node) publicGateway() string {
	said := strings.TrimSuffix(n.config.PublicGateway, "/")
	if n.config.SelfMadeTLS {
		return cmp.Or(said, n.GatewayURL, n.GatewayTLSURL)
	}
	return cmp.Or(said, n.GatewayTLSURL, n.GatewayURL)
}

// consoleURL says localhost for a loopback address: browsers treat that name
// as a secure context, and passkeys want a name.
func consoleURL(secure bool, addr net.Addr) string {
	scheme, host := "http", addr.String()
	if secure {
		scheme = "https"
	}
	if a, ok := addr.(*net.TCPAddr); ok && a.IP.IsLoopback() {
		host = net.JoinHostPort("localhost", fmt.Sprint(a.Port))
	}
	return scheme + "://" + host
}
