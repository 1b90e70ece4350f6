package verify_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"latchkey"
	"latchkey/internal/verify"
)

// TestACallAllocatesNothing holds the whole check to it: with the points of the
// ledger, among many keys, with a long allowlist, and for whoever is refused.
func TestACallAllocatesNothing(t *testing.T) {
	read, long, strange, forged, abroad := good(), good(), good(), good(), good()
	read.action, long.action = list, list
	long.keyID, strange.keyID, forged.broken, abroad.addr = "lk_long", "lk_nobody", true, netip.MustParseAddr("198.51.100.9")
	w := good().world()
	for n := range 10_000 {
		k := version(1, latchkey.StatusActive)
		k.ID = fmt.Sprint("lk_", n)
		w.table.Put(k, secret)
	}
	var entries []string
	for n := range latchkey.MaxAllowlist {
		entries = append(entries, netip.AddrFrom4([4]byte{192, 0, byte(n / 256), byte(n)}).String())
	}
	k := version(1, latchkey.StatusActive)
	k.ID, k.Allowlist = long.keyID, allowlist(entries...)
	w.table.Put(k, secret)
	long.addr = netip.MustParseAddr("192.0.3.7")
	counted, uncounted := tireless(w.table, memory()), tireless(w.table, free{})
	for name, one := range map[string]struct {
		checker *verify.Checker
		call    call
		reason  verify.Reason
	}{
		"a read":               {counted, read, verify.Allowed},
		"a long allowlist":     {counted, long, verify.Allowed},
		"an order":             {uncounted, good(), verify.Allowed}, // the set of what was seen grows
		"an unknown key":       {counted, strange, verify.Unauthorized},
		"a wrong signature":    {counted, forged, verify.Unauthorized},
		"an address from afar": {counted, abroad, verify.IPNotAllowed},
	} {
		r := one.call.request()
		work := func() {
			v := one.checker.Check(context.Background(), r)
			if v.Reason != one.reason || !v.Current() {
				t.Errorf("%s: %v", name, v.Reason)
			}
		}
		if n := testing.AllocsPerRun(200, work); n > forgotten {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
