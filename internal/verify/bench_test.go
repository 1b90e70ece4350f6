package verify_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/verify"
)

// free is a ledger that costs nothing, to see the other checks alone.
type free struct{}

func (free) Take(context.Context, latchkey.Take) (latchkey.Taken, error) {
	return latchkey.TakenAll, nil
}

// tireless is a checker whose keys never run out of points.
func tireless(table *verify.Table, ledger verify.Ledger) *verify.Checker {
	return verify.New(verify.Config{Table: table, Ledger: ledger, Window: window, Points: math.MaxInt, Now: func() time.Time { return now }})
}

// memory is the ledger of a node that is alone.
func memory() *cluster.Local {
	return cluster.NewLocal(cluster.LocalConfig{Window: window, Room: 1 << 28})
}

// BenchmarkMAC is the least that a check can cost: the MAC over the call, with
// the key's secret made ready beforehand.
func BenchmarkMAC(b *testing.B) {
	r, matches := good().request().Signed, verify.MAC(secret)
	b.ReportAllocs()
	for b.Loop() {
		if !matches(&r) {
			b.Fatal("refused")
		}
	}
}

// BenchmarkCheck is the whole of a call: of one key that is asked for all the
// time, and of keys in random order, whose memory is cold when there are many.
// With "points" the ledger of this process takes part.
func BenchmarkCheck(b *testing.B) {
	c := good()
	b.Run("hot", func(b *testing.B) { benchmarkCheck(b, c.world().table, []verify.Request{c.request()}, free{}) })
	c.action = list
	b.Run("hot/points", func(b *testing.B) { benchmarkCheck(b, c.world().table, []verify.Request{c.request()}, memory()) })
	for _, keys := range []int{1_000, 10_000, 100_000, 1_000_000} {
		var table *verify.Table
		var calls []verify.Request
		made := func(b *testing.B) {
			if table == nil {
				table, calls = crowded(keys)
			}
			b.ResetTimer()
		}
		b.Run(fmt.Sprintf("random/keys=%d", keys), func(b *testing.B) { made(b); benchmarkCheck(b, table, calls, free{}) })
		b.Run(fmt.Sprintf("random/points/keys=%d", keys), func(b *testing.B) { made(b); benchmarkCheck(b, table, calls, memory()) })
	}
}

func benchmarkCheck(b *testing.B, table *verify.Table, calls []verify.Request, ledger verify.Ledger) {
	checker := tireless(table, ledger)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i == len(calls) {
			i = 0
		}
		if v := checker.Check(context.Background(), calls[i]); !v.Allowed() {
			b.Fatal(v.Reason)
		}
	}
}

// crowded returns a table with keys as owners have them, and a call of each in
// random order. The calls differ in their key only, so that what is cold is what
// the table holds, as behind a socket whose bytes have just arrived.
func crowded(keys int) (*verify.Table, []verify.Request) {
	table := verify.NewTable()
	c := good()
	c.action = list
	calls := make([]verify.Request, keys)
	order := rand.New(rand.NewPCG(1, 2)).Perm(keys)
	ids := make([]byte, 0, keys*len(latchkey.NewKeyID())) // side by side, in the order of the calls
	for _, n := range order {
		ids = append(ids, latchkey.NewKeyID()...)
		calls[n] = c.request()
	}
	size := len(ids) / keys
	for _, n := range order {
		id := ids[n*size : (n+1)*size]
		k := c.key
		k.ID, k.AccountID = string(id), latchkey.NewID("acc")
		k.Allowlist = allowlist("192.0.2.0/24", fmt.Sprintf("198.51.100.%d", n%256))
		table.Put(k, secret)
		calls[n].Signed.Key = id
	}
	return table, calls
}
