package verify

import (
	"net/netip"

	"latchkey"
)

// origins is an allowlist packed for the hot path: 5 bytes for a prefix of IPv4
// and 17 for one of IPv6, where a netip.Prefix takes 32. Each is an address and
// its number of bits. They are sorted, and none lies within another, so that
// only one can have an address, and it is found in a few steps among a thousand.
// The zero value is the empty list, which allows every address.
type origins struct {
	packed []byte
	v4     uint16 // how many of them are IPv4; these come first
}

const (
	v4Size = 4 + 1
	v6Size = 16 + 1
)

// appendOrigins packs a list behind dst. A list is sorted by family, address and
// length, so what lies within a prefix comes after it.
func appendOrigins(dst []byte, list latchkey.Allowlist) (packed []byte, v4 uint16) {
	var last netip.Prefix
	for _, p := range list.Prefixes() {
		if last.IsValid() && last.Overlaps(p) {
			continue
		}
		last = p
		dst = append(append(dst, p.Addr().AsSlice()...), byte(p.Bits())) // #nosec G115 -- 0 to 128
		if p.Addr().Is4() {
			v4++
		}
	}
	return dst, v4
}

// contain reports what latchkey.Allowlist.Contains reports.
func (o origins) contain(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" { // before Unmap, which drops the zone
		return false
	}
	if len(o.packed) == 0 {
		return true
	}
	split := int(o.v4) * v4Size
	if addr = addr.Unmap(); addr.Is4() {
		a := addr.As4()
		return covered(o.packed[:split], a[:], v4Size)
	}
	a := addr.As16()
	return covered(o.packed[split:], a[:], v6Size)
}

// covered reports whether one of the prefixes has the address: the last one that
// does not begin behind it, or none.
func covered(prefixes, addr []byte, size int) bool {
	low, high := 0, len(prefixes)/size
	for low < high {
		middle := (low + high) / 2
		if string(prefixes[middle*size:(middle+1)*size-1]) <= string(addr) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == 0 {
		return false
	}
	p := prefixes[(low-1)*size : low*size]
	bits := int(p[size-1])
	whole, rest := bits/8, bits%8
	return string(p[:whole]) == string(addr[:whole]) && (rest == 0 || (p[whole]^addr[whole])>>(8-rest) == 0)
}
