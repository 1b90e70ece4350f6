package verify_test

import (
	"context"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/verify"
)

// free is a ledger that costs nothing, to see the other checks alone.
type free struct{}

func (free) Take(context.Context, latchkey.Take) (latchkey.Taken, error) {
	return latchkey.TakenAll, nil
}

func BenchmarkCheck(b *testing.B) {
	c := good()
	w := c.world()
	checker := verify.New(verify.Config{Table: w.table, Ledger: free{}, Window: window, Points: 200, Now: func() time.Time { return now }})
	r := c.request()
	b.ReportAllocs()
	for b.Loop() {
		if v := checker.Check(context.Background(), r); !v.Allowed() {
			b.Fatal(v.Reason)
		}
	}
}
