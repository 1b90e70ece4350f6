package verify_test

import (
	"net/netip"
	"slices"
	"testing"

	"latchkey"
	"latchkey/internal/verify"

	"pgregory.net/rapid"
)

// near draws addresses of a small world, so that prefixes lie within each other,
// side by side, and have the addresses that are asked for.
func near(t *rapid.T) netip.Addr {
	low := []byte{rapid.Byte().Draw(t, "byte"), rapid.SampledFrom([]byte{0, 1, 127, 128, 255}).Draw(t, "last")}
	if rapid.Bool().Draw(t, "v4") {
		return netip.AddrFrom4([4]byte{198, 51, low[0], low[1]})
	}
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, low[0], 8: low[1], 15: low[1]})
}

func drawList(t *rapid.T) latchkey.Allowlist {
	var entries []string
	for range rapid.IntRange(0, 12).Draw(t, "entries") {
		addr := near(t)
		p, err := addr.Prefix(rapid.IntRange(1, addr.BitLen()).Draw(t, "bits"))
		if err != nil {
			t.Fatal(err)
		}
		if _, judged := latchkey.ParseAllowlist(p.String()); judged[0].Verdict != latchkey.EntryInvalid {
			entries = append(entries, p.String())
		}
	}
	return allowlist(entries...)
}

// The table packs an allowlist, and lets in whom the list itself lets in.
func TestAPackedAllowlistAllowsWhatTheListAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := drawList(t)
		contain := verify.Origins(list)
		for range 30 {
			addr := near(t)
			for _, a := range []netip.Addr{addr, netip.AddrFrom16(addr.As16()), addr.WithZone("eth0")} {
				if got, want := contain(a), list.Contains(a); got != want {
					t.Fatalf("%v has %v: %v, want %v", list, a, got, want)
				}
			}
		}
	})
}

// TestTheEndsOfAPrefix names the addresses at which a step too far would show.
func TestTheEndsOfAPrefix(t *testing.T) {
	contain := verify.Origins(allowlist("198.51.100.8/30", "198.51.100.16/28", "198.51.100.18", "203.0.113.255", "2001:db8:2::/47", "::/1"))
	for addr, want := range map[string]bool{
		"198.51.100.7": false, "198.51.100.8": true, "198.51.100.11": true, "198.51.100.12": false,
		"198.51.100.15": false, "198.51.100.16": true, "198.51.100.19": true, "198.51.100.31": true, "198.51.100.32": false,
		"203.0.113.254": false, "203.0.113.255": true, "203.0.114.0": false, "0.0.0.0": false, "255.255.255.255": false,
		"::1": true, "7fff:ffff::": true, "8000::": false, "::ffff:198.51.100.8": true, "::ffff:198.51.100.7": false,
	} {
		if got := contain(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
	if contain(netip.Addr{}) || verify.Origins(latchkey.Allowlist{})(netip.Addr{}) {
		t.Error("no address at all is allowed")
	}
}

func TestALongAllowlistIsWholeInTheTable(t *testing.T) {
	var entries []string
	for i := range latchkey.MaxAllowlist {
		entries = append(entries, netip.AddrFrom4([4]byte{198, 51, byte(i / 128), byte(2 * (i % 128))}).String())
	}
	c := good()
	c.key.Allowlist = allowlist(entries...)
	for i, entry := range slices.Concat(entries, []string{"198.51.0.1", "198.51.100.255", "192.0.2.7"}) {
		c.addr = netip.MustParseAddr(entry)
		want := verify.Allowed
		if i >= len(entries) {
			want = verify.IPNotAllowed
		}
		check(t, c.world(), c, want)
	}
}
