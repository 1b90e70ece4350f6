package api

import (
	"net/http"
	"net/netip"
	"testing"
)

// Fault 5: X-Forwarded-For is the client's own word unless a trusted proxy
// wrote it.
func TestTheAddressIsTheRightmostThatNoProxyOfOursHas(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		peer, want string
		forwarded  []string
	}{
		"no proxy":                  {"198.51.100.7:1", "198.51.100.7", nil},
		"forged by a client":        {"198.51.100.7:1", "198.51.100.7", []string{"192.0.2.1"}},
		"one proxy":                 {"10.0.0.1:1", "192.0.2.1", []string{"192.0.2.1"}},
		"forged through the proxy":  {"10.0.0.1:1", "192.0.2.1", []string{"203.0.113.5, 192.0.2.1"}},
		"two proxies":               {"10.0.0.1:1", "192.0.2.1", []string{"203.0.113.5, 192.0.2.1, 10.0.0.2"}},
		"two header lines":          {"10.0.0.1:1", "192.0.2.1", []string{"203.0.113.5", "192.0.2.1"}},
		"forged trusted address":    {"10.0.0.1:1", "192.0.2.1", []string{"10.9.9.9, 192.0.2.1"}},
		"garbage stops the walk":    {"10.0.0.1:1", "10.0.0.2", []string{"192.0.2.1, unknown, 10.0.0.2"}},
		"empty element":             {"10.0.0.1:1", "10.0.0.1", []string{"192.0.2.1,"}},
		"proxy says nothing":        {"10.0.0.1:1", "10.0.0.1", nil},
		"all are ours":              {"10.0.0.1:1", "10.0.0.3", []string{"10.0.0.3, 10.0.0.2"}},
		"mapped proxy":              {"[::ffff:10.0.0.1]:1", "192.0.2.1", []string{"192.0.2.1"}},
		"mapped client":             {"10.0.0.1:1", "192.0.2.1", []string{"::ffff:192.0.2.1"}},
		"IPv6 proxy with zone":      {"[fd00::1%eth0]:1", "2001:db8::7", []string{"2001:db8::7"}},
		"with ports":                {"10.0.0.1:1", "192.0.2.1", []string{"192.0.2.1:443"}},
		"IPv6 with port":            {"10.0.0.1:1", "2001:db8::7", []string{"[2001:db8::7]:443"}},
		"IPv6 in brackets":          {"10.0.0.1:1", "2001:db8::7", []string{"[2001:db8::7]"}},
		"leading zeros are garbage": {"10.0.0.1:1", "10.0.0.1", []string{"192.0.2.001"}},
		"no address":                {"@", "", []string{"192.0.2.1"}},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.forwarded}}
		if got := clientIP(r, trusted); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTheAuthorityHearsTheAddressAndACleanName(t *testing.T) {
	s := &stub{}
	c := config(t, s)
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // httptest's peer
	header := http.Header{"X-Forwarded-For": {"198.51.100.7"}, "User-Agent": {"Mozilla\x1b[31m\u202e evil\u2028line"}}
	call{target: "POST /v1/session", body: `{"email":"a@example.com","password":"p"}`, header: header}.do(New(c))
	if s.visitor.IP != "198.51.100.7" || s.visitor.UserAgent != "Mozilla[31m evilline" {
		t.Errorf("%+v", s.visitor)
	}
}
