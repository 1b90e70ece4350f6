package verify_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/verify"
	"latchkey/signature"
)

// BenchmarkPart is each check alone, in the order in which a call meets them.
func BenchmarkPart(b *testing.B) {
	c := good()
	w := c.world()
	r := c.request()
	e := w.table.Lookup(r.Signed.Key)
	parts := []struct {
		name string
		work func() bool
	}{
		{"lookup", func() bool { return verify.IsKnown(w.table.Lookup(r.Signed.Key)) }},
		{"fresh", func() bool { return verify.IsFresh(r.Signed.Time(), now, window) }},
		{"settled", func() bool { return verify.IsSettled(e) }},
		{"active", func() bool { return verify.IsActive(e) }},
		{"origin", func() bool { return verify.IsOrigin(e, r.Addr) }},
		{"permitted", func() bool { return verify.IsPermitted(e, r.Action) }},
		{"current", func() bool { return !e.Replaced() }},
	}
	for _, p := range parts {
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !p.work() {
					b.Fatal("refused")
				}
			}
		})
	}
}

// BenchmarkLookup finds keys in random order.
func BenchmarkLookup(b *testing.B) {
	for _, keys := range []int{1_000, 1_000_000} {
		table, calls := crowded(keys)
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i == keys {
					i = 0
				}
				if table.Lookup(calls[i].Signed.Key) == nil {
					b.Fatal("unknown")
				}
			}
		})
	}
}

// BenchmarkAllowlist looks addresses up in lists as the table holds them, and,
// for comparison, in the plain list.
func BenchmarkAllowlist(b *testing.B) {
	for _, size := range []int{1, 2, 3, 10, 100, 1000} {
		var entries []string
		var addrs []netip.Addr
		for i := range size {
			p := netip.PrefixFrom(netip.AddrFrom4([4]byte{198, byte(i / 8), byte(i % 8 * 32), 0}), 20+i%8)
			entries = append(entries, p.String())
			addrs = append(addrs, p.Addr().Next())
		}
		list := allowlist(entries...)
		for name, contain := range map[string]func(netip.Addr) bool{"packed": verify.Origins(list), "plain": list.Contains} {
			b.Run(fmt.Sprintf("%s/entries=%d", name, size), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if !contain(addrs[(i*7919)%size]) {
						b.Fatal("refused")
					}
				}
			})
		}
	}
}

// BenchmarkReplay takes the place of signatures that were never seen before, of
// 256 keys, at 50,000 a second of the clock: the set has the size that it has
// then, two windows or two million of them.
func BenchmarkReplay(b *testing.B) {
	ledger := memory()
	var buckets [][]byte
	for range 256 {
		buckets = append(buckets, []byte(latchkey.NewKeyID()))
	}
	at := now
	b.ReportAllocs()
	for n := uint64(0); b.Loop(); n++ {
		take := latchkey.Take{Bucket: buckets[n%256], Cost: 1, Limit: math.MaxInt, Now: at, Stale: at.Add(2 * window)}
		binary.LittleEndian.PutUint64(take.Once[:], n)
		if taken, err := ledger.Take(context.Background(), take); err != nil || taken != latchkey.TakenAll {
			b.Fatal(taken, err)
		}
		at = at.Add(20 * time.Microsecond)
	}
}

// BenchmarkParse reads what arrives: the headers of a call over REST.
func BenchmarkParse(b *testing.B) {
	r := good().request().Signed
	ts := signature.Timestamp(now)
	mac := []byte(signature.SignREST([]byte(secret.Reveal()), order.Name, ts, r.Body))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := signature.ParseREST(r.Key, []byte(ts), mac, r.Action, r.Body); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMessage is a call inside a WebSocket session.
func BenchmarkMessage(b *testing.B) {
	for _, action := range []*latchkey.Action{list, order} {
		b.Run(action.Name, func(b *testing.B) {
			v := guest()
			checker := tireless(v.world().table, free{})
			_, s := checker.Logon(v.request())
			m := verify.Message{Action: action, Text: []byte(text)}
			b.ReportAllocs()
			for b.Loop() {
				if v := checker.Message(context.Background(), s, m); !v.Allowed() {
					b.Fatal(v.Reason)
				}
			}
		})
	}
}
