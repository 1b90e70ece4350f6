package latchkey

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"
)

// MaxAllowlist is the most entries that a key's allowlist may have.
const MaxAllowlist = 1000

// Allowlist is the IP whitelist of a key: addresses and prefixes in canonical
// form, without duplicates. Empty means any address.
type Allowlist struct {
	prefixes []netip.Prefix
}

// EntryVerdict says what became of one entry of a pasted allowlist.
type EntryVerdict string

// The verdicts of an entry. Warning entries are kept, but will probably never
// match a client on the internet.
const (
	EntryValid     EntryVerdict = "valid"
	EntryDuplicate EntryVerdict = "duplicate" // dropped
	EntryWarning   EntryVerdict = "warning"   // private, loopback, documentation...
	EntryInvalid   EntryVerdict = "invalid"
)

// Entry is one entry of a pasted allowlist with its verdict.
type Entry struct {
	Text    string       `json:"text"`             // as it was pasted, shortened when long
	Verdict EntryVerdict `json:"verdict"`          //
	Prefix  string       `json:"prefix,omitempty"` // canonical form: 192.0.2.7 or 192.0.2.0/24
	Covers  string       `json:"covers,omitempty"` // number of addresses, decimal
	Reason  string       `json:"reason,omitempty"` // why invalid or warned
}

// ParseAllowlist splits text at spaces, tabs, newlines, semicolons and commas
// and judges every entry by itself. The allowlist holds the good ones; it must
// be used only when no entry is invalid (see NewAllowlist).
func ParseAllowlist(text string) (Allowlist, []Entry) {
	var list Allowlist
	var entries []Entry
	seen := make(map[netip.Prefix]bool) // a long paste must not cost its square
	for _, field := range strings.FieldsFunc(text, separator) {
		entry, prefix := judgeEntry(field)
		if entry.Verdict == EntryValid || entry.Verdict == EntryWarning {
			if seen[prefix] {
				entry.Verdict, entry.Reason = EntryDuplicate, "stands in the list already"
			} else {
				seen[prefix] = true
				list.prefixes = append(list.prefixes, prefix)
			}
		}
		entries = append(entries, entry)
	}
	list.sort()
	return list, entries
}

// separator tells what stands between entries. The no-break space comes with
// pastes from web pages, the full-width marks from CJK keyboards.
func separator(r rune) bool {
	return strings.ContainsRune(" \t\r\n\v\f;,\u00a0\u3000\uff0c\uff1b", r)
}

// NewAllowlist reads entries as they stand in a request or in the database. An
// entry that is invalid makes the whole list an *Error with code
// "invalid_allowlist": a list that was cut silently would let the wrong people
// in, or nobody. So does an empty entry: what is left without it may be the
// empty list, which lets everybody in. Duplicates are merged.
func NewAllowlist(entries []string) (Allowlist, error) {
	for _, e := range entries {
		if strings.TrimFunc(e, separator) == "" {
			return Allowlist{}, Invalid("allowlist", "invalid_allowlist", "an entry is empty; leave it out")
		}
	}
	var list Allowlist
	for _, e := range entries {
		for field := range strings.FieldsFuncSeq(e, separator) {
			prefix, reason := acceptPrefix(field)
			if reason != "" {
				return Allowlist{}, Invalid("allowlist", "invalid_allowlist", "%q: %s", clip(field), reason)
			}
			list.prefixes = append(list.prefixes, prefix)
		}
	}
	list.sort()
	list.prefixes = slices.Compact(list.prefixes)
	if n := len(list.prefixes); n > MaxAllowlist {
		return Allowlist{}, Invalid("allowlist", "invalid_allowlist",
			"%d entries are too many; a key takes %d, so join neighbours into prefixes", n, MaxAllowlist)
	}
	return list, nil
}

// judgeEntry reads one entry. What net/netip accepts but what would never
// match, or match something else than it seems to, is refused with the reason.
func judgeEntry(text string) (Entry, netip.Prefix) {
	entry := Entry{Text: clip(text), Verdict: EntryInvalid}
	prefix, reason := acceptPrefix(text)
	if reason != "" {
		entry.Reason = reason
		return entry, netip.Prefix{}
	}
	entry.Verdict, entry.Prefix, entry.Covers = EntryValid, prefixText(prefix), covers(prefix)
	if why := neverFromOutside(prefix); why != "" {
		entry.Verdict, entry.Reason = EntryWarning, why
	}
	return entry, prefix
}

// acceptPrefix reads one entry, or says why it is refused.
func acceptPrefix(text string) (netip.Prefix, string) {
	prefix, reason := parsePrefix(text)
	if reason == "" {
		reason = refusePrefix(prefix)
	}
	return prefix, reason
}

func parsePrefix(text string) (netip.Prefix, string) {
	if strings.Contains(text, "%") {
		return netip.Prefix{}, "an address with a zone (%) means something on one machine only"
	}
	if !strings.Contains(text, "/") {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, badAddress(text)
		}
		return netip.PrefixFrom(addr, addr.BitLen()), ""
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, badAddress(text)
	}
	return prefix, ""
}

// badAddress names the usual mistakes.
func badAddress(text string) string {
	_, noPort := netip.ParseAddrPort(text)
	switch {
	case strings.ContainsAny(text, "[]"):
		return "write an IPv6 address without brackets and port"
	case noPort == nil:
		return "write the address without a port"
	case strings.Count(text, "/") > 1 || strings.HasSuffix(text, "/"):
		return "a prefix is an address, one slash and a number of bits, like 192.0.2.0/24"
	case strings.Contains(text, "-"):
		return "ranges are not supported; write a prefix, like 192.0.2.0/24"
	case strings.Contains(text, "*"):
		return "wildcards are not supported; write a prefix, like 192.0.2.0/24"
	case leadingZero(text):
		return "leading zeros can be read as octal; write the plain decimal number"
	}
	return "not an IPv4 or IPv6 address or prefix, like 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"
}

// leadingZero finds 010.0.0.1 and 10.0.0.0/08 (CVE-2021-29923).
func leadingZero(text string) bool {
	if strings.Contains(text, ":") {
		_, bits, _ := strings.Cut(text, "/")
		return len(bits) > 1 && bits[0] == '0'
	}
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == '.' || r == '/' }) {
		if len(part) > 1 && part[0] == '0' && strings.Trim(part, "0123456789") == "" {
			return true
		}
	}
	return false
}

// Forms of IPv6 that carry an IPv4 address inside: a client never appears with
// them, so an entry would not do what its writer thinks.
var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	nat64loc  = netip.MustParsePrefix("64:ff9b:1::/48")
	sixToFour = netip.MustParsePrefix("2002::/16")
	teredo    = netip.MustParsePrefix("2001::/32")
	v4compat  = netip.MustParsePrefix("::/96")
)

func refusePrefix(p netip.Prefix) string {
	addr := p.Addr()
	switch {
	case p.Bits() == 0:
		return "/0 is every address; leave the list empty to allow any address"
	case addr.Is4In6():
		return fmt.Sprintf("an IPv4 address in IPv6 form never matches; write %s", unmapped(p))
	case p.Masked() != p:
		return fmt.Sprintf("bits are set behind the prefix; did you mean %s?", p.Masked())
	// Shorter prefixes at zero, like 0.0.0.0/1, hold real clients.
	case addr.IsUnspecified() && p.Bits() >= 8, addr.IsMulticast(), addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "no client has such an address"
	case within(p, nat64) || within(p, nat64loc) || within(p, sixToFour) || within(p, teredo):
		return "a translated form (NAT64, 6to4, Teredo); write the IPv4 address itself"
	case addr.Is6() && within(p, v4compat) && addr != netip.IPv6Loopback():
		return "an IPv4-compatible IPv6 address is not in use; write the IPv4 address itself"
	}
	return ""
}

// unmapped shows the IPv4 form of a mapped prefix as far as it has one that is
// accepted.
func unmapped(p netip.Prefix) string {
	if p.Bits() <= 96 {
		return "the IPv4 prefix"
	}
	return prefixText(netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96).Masked())
}

// within reports whether p lies inside outer.
func within(p, outer netip.Prefix) bool {
	return p.Bits() >= outer.Bits() && outer.Contains(p.Addr())
}

// special lists ranges that never show up as a client on the internet
// (IANA special-purpose registries, RFC 6890).
var special = []struct {
	prefix netip.Prefix
	why    string
}{
	{netip.MustParsePrefix("10.0.0.0/8"), "private (RFC 1918)"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private (RFC 1918)"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private (RFC 1918)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("100.64.0.0/10"), "carrier-grade NAT (RFC 6598)"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation (RFC 5737)"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation (RFC 5737)"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation (RFC 5737)"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking (RFC 2544)"},
	{netip.MustParsePrefix("0.0.0.0/8"), "this network (RFC 791)"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved (RFC 1112)"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fc00::/7"), "private (RFC 4193)"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation (RFC 3849)"},
	{netip.MustParsePrefix("3fff::/20"), "documentation (RFC 9637)"},
	{netip.MustParsePrefix("100::/64"), "discard-only (RFC 6666)"},
}

func neverFromOutside(p netip.Prefix) string {
	for _, s := range special {
		if within(p, s.prefix) {
			return s.why + ": never matches a client from outside"
		}
	}
	return ""
}

// covers counts the addresses of a prefix.
func covers(p netip.Prefix) string {
	return new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits())).String()
}

// prefixText writes a single address without its length.
func prefixText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

func (a *Allowlist) sort() {
	slices.SortFunc(a.prefixes, func(x, y netip.Prefix) int {
		if c := x.Addr().Compare(y.Addr()); c != 0 {
			return c
		}
		return x.Bits() - y.Bits()
	})
}

// Any reports whether the list is empty, which allows every address.
func (a Allowlist) Any() bool { return len(a.prefixes) == 0 }

// Contains reports whether a client's address may use the key. A mapped
// address counts as its IPv4 form; an invalid or zoned one is refused, also by
// an empty list.
func (a Allowlist) Contains(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" { // before Unmap, which drops the zone
		return false
	}
	addr = addr.Unmap()
	if a.Any() {
		return true
	}
	for _, p := range a.prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Prefixes returns a copy of the entries.
func (a Allowlist) Prefixes() []netip.Prefix { return slices.Clone(a.prefixes) }

// Strings returns the entries in canonical form and order, never nil.
func (a Allowlist) Strings() []string {
	out := make([]string, len(a.prefixes))
	for i, p := range a.prefixes {
		out[i] = prefixText(p)
	}
	return out
}

// String joins the entries by ", "; an empty list says "any address".
func (a Allowlist) String() string {
	if a.Any() {
		return "any address"
	}
	return strings.Join(a.Strings(), ", ")
}

// Equal reports whether both hold the same entries.
func (a Allowlist) Equal(b Allowlist) bool { return slices.Equal(a.prefixes, b.prefixes) }

// MarshalJSON writes the entries as an array.
func (a Allowlist) MarshalJSON() ([]byte, error) { return json.Marshal(a.Strings()) }

// UnmarshalJSON reads an array of entries; see NewAllowlist. null is refused:
// it must not come to mean "any address".
func (a *Allowlist) UnmarshalJSON(data []byte) error {
	var entries []string
	if err := json.Unmarshal(data, &entries); err != nil {
		return fmt.Errorf("allowlist: %w", err)
	}
	if entries == nil {
		return Invalid("allowlist", "invalid_allowlist", "the allowlist is null; write [] for any address")
	}
	list, err := NewAllowlist(entries)
	if err != nil {
		return err
	}
	*a = list
	return nil
}
