package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"
	"github.com/valyala/fasthttp"
)

var noForward = because(400, codeBadRequest, "X-Forwarded-For, as the proxy sent it, is not a list of addresses")

// checkProxies refuses prefixes that would never match, or match everybody.
func checkProxies(prefixes []netip.Prefix) error {
	for _, p := range prefixes {
		switch {
		case !p.IsValid() || p.Bits() == 0:
			return fmt.Errorf("trusted proxy %v: name the proxies, not everybody", p)
		case p.Addr().Is4In6():
			return fmt.Errorf("trusted proxy %v: write the IPv4 address itself", p)
		case p.Masked() != p:
			return fmt.Errorf("trusted proxy %v: bits are set behind the prefix; did you mean %v?", p, p.Masked())
		}
	}
	return nil
}

// trusted reports whether an address, unmapped, is one of our proxies'. There
// are few of them, so they are compared one by one.
func (g *Gateway) trusted(addr netip.Addr) bool {
	for _, p := range g.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// client returns the address of whoever sent the request: the peer, unless the
// peer is a trusted proxy that names somebody else. Every other header that
// claims to know the client is ignored.
func (g *Gateway) client(ctx *fasthttp.RequestCtx) (netip.Addr, bool) {
	peer, ok := addrOf(ctx.RemoteAddr())
	if !ok || g.on(guardTrust) && !g.trusted(peer) {
		return peer, ok
	}
	lines := ctx.Request.Header.PeekAll("X-Forwarded-For")
	if len(lines) == 0 {
		return peer, true // the proxy itself, such as its health check
	}
	return g.forwarded(lines)
}

// forwarded walks the list from the right, where the proxy nearest to us wrote,
// to the first address that is no proxy of ours (CWE-348). What stands left of
// it is the client's own word. Anything on the way that is no address refuses:
// then nobody knows who is calling.
func (g *Gateway) forwarded(lines [][]byte) (addr netip.Addr, ok bool) {
	for i := len(lines) - 1; i >= 0; i-- {
		line := lines[i]
		for more := true; more; {
			at := bytes.LastIndexByte(line, ',')
			if addr, ok = parseAddr(bytes.Trim(line[at+1:], " \t")); !ok || !g.trusted(addr) {
				return addr, ok
			}
			if more = at >= 0; more {
				line = line[:at]
			}
		}
	}
	return addr, ok
}

// parseAddr reads a plain address: no port, no brackets, no zone.
func parseAddr(text []byte) (netip.Addr, bool) {
	// ParseAddr refuses leading zeros, which C libraries take for octal
	// (CVE-2021-29923), and hex, and addresses of one number.
	addr, err := netip.ParseAddr(string(text))
	addr = addr.Unmap()
	if err != nil || addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast() {
		return netip.Addr{}, false
	}
	return addr, true
}

// addrOf returns the address of a peer over TCP. The zone of a link-local one
// is dropped: allowlists have none.
func addrOf(a net.Addr) (netip.Addr, bool) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	addr := tcp.AddrPort().Addr().WithZone("").Unmap()
	return addr, addr.IsValid()
}

// proxied reads PROXY headers on a listener where that is switched on.
func (g *Gateway) proxied(l net.Listener) net.Listener {
	if !g.ProxyProtocol {
		return l
	}
	return &proxyListener{Listener: l, g: g}
}

type proxyListener struct {
	net.Listener
	g *Gateway
}

// Accept returns a connection that begins behind the PROXY header. Only trusted
// proxies have one; from everybody else it is no HTTP and refused as such.
func (l *proxyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if peer, ok := addrOf(c.RemoteAddr()); !ok || !l.g.trusted(peer) {
		return c, nil
	}
	return &proxyConn{Conn: c, reader: bufio.NewReader(c)}, nil
}

// proxyConn is a connection from a trusted proxy. The header is read with the
// first byte, in the connection's own goroutine, under the guard's deadline.
type proxyConn struct {
	net.Conn
	reader *bufio.Reader
	read   bool
	source net.Addr // nil for what the proxy itself asks
	err    error
}

var errProxyHeader = errors.New("the proxy did not begin with a PROXY protocol v2 header for TCP")

// Read returns what follows the header, or errProxyHeader.
func (c *proxyConn) Read(p []byte) (int, error) {
	if !c.read {
		c.read = true
		c.source, c.err = readProxyHeader(c.reader)
	}
	if c.err != nil {
		return 0, c.err
	}
	return c.reader.Read(p)
}

// readProxyHeader accepts version 2 only: version 1 is text that an HTTP client
// could be made to send.
func readProxyHeader(r *bufio.Reader) (net.Addr, error) {
	h, err := proxyproto.Read(r)
	if err != nil || h.Version != 2 {
		return nil, errors.Join(errProxyHeader, err)
	}
	if h.Command.IsLocal() {
		return nil, nil
	}
	source, _, ok := h.TCPAddrs()
	if !ok {
		return nil, errProxyHeader
	}
	return source, nil
}

// RemoteAddr is the client's address once the header was read.
func (c *proxyConn) RemoteAddr() net.Addr {
	if c.source != nil {
		return c.source
	}
	return c.Conn.RemoteAddr()
}

// CloseWrite lets the guard close softly.
func (c *proxyConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Conn.Close()
}
