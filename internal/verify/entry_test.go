package verify_test

import (
	"net/netip"
	"testing"

	"latchkey"
	"latchkey/internal/verify"

	"pgregory.net/rapid"
)

// An entry has room for the ids and a short allowlist; a longer one lies
// elsewhere. An owner makes a list longer and shorter again, around the very
// place where that changes: what is in force is the last list and no more, and
// the key keeps its names.
func TestAnAllowlistOfAnyLengthReplacesTheFormer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := verify.NewTable()
		key := latchkey.Key{ID: latchkey.NewKeyID(), AccountID: latchkey.NewID("acc_"), Status: latchkey.StatusActive}
		for n := range rapid.IntRange(1, 8).Draw(t, "changes") {
			key.Version, key.Allowlist = int64(n+1), latchkey.Allowlist{}
			var entries []string
			for range rapid.SampledFrom([]int{0, 1, 3, 4, 5, 6, 7, 40}).Draw(t, "entries") {
				entries = append(entries, near(t).String())
			}
			if len(entries) > 0 {
				key.Allowlist = allowlist(entries...)
			}
			table.Put(key, secret)
			if rapid.Bool().Draw(t, "held") {
				table.Hold(key.ID)
				table.Release(key.ID)
			}
			e := table.Lookup([]byte(key.ID))
			if e.KeyID() != key.ID || e.AccountID() != key.AccountID {
				t.Fatalf("%s of %s is called %s of %s", key.ID, key.AccountID, e.KeyID(), e.AccountID())
			}
			for range 30 {
				if addr := near(t); e.Allows(addr) != key.Allowlist.Contains(addr) {
					t.Fatalf("%v has %v: %v", key.Allowlist, addr, e.Allows(addr))
				}
			}
		}
	})
}

// News that a key changes may overtake the key itself. Whatever was asked of the
// entry meanwhile, the key that comes then has its account: the upstream is told
// whose call it is.
func TestAKeyThatWasHeldBeforeItCameNamesItsAccount(t *testing.T) {
	for name, stop := range map[string]func(*verify.Table, string){"hold": (*verify.Table).Hold, "mask": (*verify.Table).Mask} {
		t.Run(name, func(t *testing.T) {
			c := good()
			w := c.world()
			table := verify.NewTable()
			stop(table, c.key.ID)
			if e := table.Lookup([]byte(c.key.ID)); e.KeyID() != c.key.ID || e.AccountID() != "" {
				t.Fatalf("called %q of %q before it came", e.KeyID(), e.AccountID())
			}
			stop(table, c.key.ID)
			table.Put(c.key, secret)
			table.Release(c.key.ID)
			table.Unmask(c.key.ID)
			w.Table = table
			c.addr = netip.MustParseAddr("192.0.2.77")
			v := check(t, w, c, verify.Allowed)
			if e := v.Caller(); e.KeyID() != c.key.ID || e.AccountID() != c.key.AccountID {
				t.Errorf("called %q of %q", e.KeyID(), e.AccountID())
			}
		})
	}
}
