package gateway_test

import (
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/gateway"

	"github.com/pires/go-proxyproto"
)

// trust makes the addresses trusted proxies.
func trust(prefixes ...string) func(*gateway.Config) {
	return func(c *gateway.Config) {
		for _, p := range prefixes {
			c.TrustedProxies = append(c.TrustedProxies, netip.MustParsePrefix(p))
		}
	}
}

func proxyProtocol(c *gateway.Config) { c.ProxyProtocol = true }

// nowhere gives the key an allowlist that nobody is on: the answer then says
// which address was seen.
func (r *rig) nowhere() *rig {
	r.edit(func(k *latchkey.Key) { k.Allowlist = only("192.0.2.255") })
	return r
}

// sees sends a call with further header lines and checks the address that the
// gateway saw; "" stands for a refusal because nobody knows.
func (r *rig) sees(c client, seen string, lines ...string) {
	r.t.Helper()
	call := r.good()
	call.header = lines
	c.send(call.raw())
	if seen == "" {
		r.is(c.receive(), 400, "bad_request", "X-Forwarded-For")
		return
	}
	r.is(c.receive(), 403, "ip_not_allowed", "Address "+seen+" is not")
}

type addressCase struct {
	Lines []string
	Seen  string
	Why   string
}

func addressCases(t *testing.T) []addressCase {
	t.Helper()
	text, err := os.ReadFile("testdata/client_address.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []addressCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func named(name string, values []string) []string {
	var lines []string
	for _, v := range values {
		lines = append(lines, name+": "+v)
	}
	return lines
}

// Fault 5. A thief with a stolen key writes an address of its allowlist into
// X-Forwarded-For (CWE-348). Only what a proxy of ours wrote counts, and of that
// only what stands rightmost.
func TestTheClientAddressCannotBeSpoofed(t *testing.T) {
	proxied := newRig(t, trust("127.0.0.0/8", "10.0.0.0/8", "2001:db8:a::/48")).nowhere()
	direct := newRig(t, trust("10.0.0.0/8", "2001:db8:a::/48")).nowhere()
	for _, c := range addressCases(t) {
		t.Run(c.Why+" "+strings.Join(c.Lines, "|"), func(t *testing.T) {
			defer proxied.during(t)()
			defer direct.during(t)()
			proxied.sees(proxied.dial(), c.Seen, named("X-Forwarded-For", c.Lines)...)
			proxied.sees(proxied.dial(), c.Seen, named("x-forwarded-FOR", c.Lines)...)
			proxied.sees(proxied.dial(), c.Seen, append(named("X-Forwarded-For", c.Lines),
				"X-Real-IP: 192.0.2.255", "Forwarded: for=192.0.2.255", "True-Client-IP: 192.0.2.255", "X_Forwarded_For: 192.0.2.255", "X-Client-IP: 192.0.2.255")...)
			proxied.sees(proxied.dial(), "127.0.0.1", named("X_Forwarded_For", c.Lines)...)
			direct.sees(direct.dial(), "127.0.0.1", named("X-Forwarded-For", c.Lines)...)
		})
	}
}

// The twin: without the rule anybody could be anybody.
func TestTrustMatters(t *testing.T) {
	r := newRig(t).nowhere()
	r.sees(r.dial(), "127.0.0.1", "X-Forwarded-For: 203.0.113.9")
	off := build(t)
	off.gateway.Off(gateway.GuardTrust)
	off.start().nowhere()
	off.sees(off.dial(), "203.0.113.9", "X-Forwarded-For: 203.0.113.9")
}

func TestAProxyThatNamesNobodyIsTheClient(t *testing.T) {
	r := newRig(t, trust("127.0.0.1/32")).nowhere()
	r.sees(r.dial(), "127.0.0.1")
}

// header returns a PROXY header of that version.
func header(t *testing.T, version byte, source string) string {
	t.Helper()
	from := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(source))
	to := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}
	if from.IP.To4() == nil {
		to.IP = net.ParseIP("2001:db8::1")
	}
	b, err := proxyproto.HeaderProxyFromAddrs(version, from, to).Format()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheProxyProtocolNamesTheClient(t *testing.T) {
	r := newRig(t, trust("127.0.0.1/32", "10.0.0.0/8"), proxyProtocol).nowhere()
	for source, seen := range map[string]string{"203.0.113.9:1234": "203.0.113.9", "[2001:db8::9]:1234": "2001:db8::9"} {
		c := r.dial()
		c.send(header(t, 2, source))
		r.sees(c, seen)
		r.sees(c, seen, "X-Forwarded-For: 192.0.2.255") // is no proxy of ours
	}
	// A proxy of ours, behind the one that speaks to us, names its own client.
	c := r.dial()
	c.send(header(t, 2, "10.0.0.1:1234"))
	r.sees(c, "203.0.113.9", "X-Forwarded-For: 203.0.113.9")
	// What the proxy itself asks, its health check for one.
	local := proxyproto.Header{Version: 2, Command: proxyproto.LOCAL, TransportProtocol: proxyproto.UNSPEC}
	b, err := local.Format()
	if err != nil {
		t.Fatal(err)
	}
	c = r.dial()
	c.send(string(b))
	r.sees(c, "127.0.0.1")
}

func TestAProxyWithoutAGoodHeaderIsCutOff(t *testing.T) {
	r := newRig(t, trust("127.0.0.1/32"), proxyProtocol, func(c *gateway.Config) { c.HeadTimeout = 200 * time.Millisecond })
	good := header(t, 2, "203.0.113.9:1234")
	unix := strings.Replace(good, "\x11\x00\x0c", "\x31\x00\x0c", 1)
	udp := strings.Replace(good, "\x11\x00\x0c", "\x12\x00\x0c", 1)
	for name, begin := range map[string]string{
		"none": "", "version 1": header(t, 1, "203.0.113.9:1234"), "half": good[:14] + "\r\n\r\n", "unix": unix, "UDP": udp,
		"twice": good + good, "version 3": strings.Replace(good, "\x21\x11", "\x31\x11", 1),
	} {
		c := r.dial()
		c.send(begin + r.good().raw())
		if line, err := c.ReadString('\n'); err == nil && !strings.Contains(line, "400") {
			t.Errorf("%s: %q", name, line)
		}
	}
	if got := r.exchange.take(); len(got) > 0 {
		t.Errorf("the exchange got %+v", got)
	}
}

func TestAStrangerMayNotSpeakTheProxyProtocol(t *testing.T) {
	r := newRig(t, trust("10.0.0.0/8"), proxyProtocol).nowhere()
	for _, version := range []byte{1, 2} {
		r.is(r.do(header(t, version, "10.0.0.1:1234")+r.good().raw()), 400, "bad_request", "")
	}
	r.sees(r.dial(), "127.0.0.1")
	off := newRig(t, trust("127.0.0.1/32"))
	off.is(off.do(header(t, 2, "10.0.0.1:1234")+off.good().raw()), 400, "bad_request", "")
}
