package api

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientIP is the address that an activity names: the peer, or, behind trusted
// proxies, the rightmost address of X-Forwarded-For that is not one of them.
// Everything left of it was written by the client (CWE-348). "" when the peer
// has no address.
func clientIP(r *http.Request, trusted []netip.Prefix) string {
	addr, ok := parseHop(r.RemoteAddr)
	if !ok {
		return ""
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && isTrusted(addr, trusted); i-- {
		hop, ok := parseHop(strings.TrimSpace(hops[i]))
		if !ok {
			break // what stands left of garbage is nobody's word
		}
		addr = hop
	}
	return addr.String()
}

// parseHop reads an address with or without a port, in the one form in which
// addresses are compared: unmapped, without a zone.
func parseHop(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	addr, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return addr.Unmap().WithZone(""), err == nil
}

// isTrusted compares unmapped addresses: Contains of an IPv4 prefix is false
// for the mapped form of the same address.
func isTrusted(addr netip.Addr, trusted []netip.Prefix) bool {
	for _, p := range trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}
