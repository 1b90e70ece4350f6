package gateway_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/gateway"
)

// keeper is a ledger that keeps the contexts it was asked with, as one that has
// a connection to open does.
type keeper struct {
	*cluster.Local
	mu   sync.Mutex
	kept []context.Context
}

func (k *keeper) Take(ctx context.Context, t latchkey.Take) (latchkey.Taken, error) {
	k.mu.Lock()
	k.kept = append(k.kept, ctx)
	k.mu.Unlock()
	return k.Local.Take(ctx, t)
}

// The mistake: the server's request is a context, too, and is passed on as one.
// While Redis hangs, what waits for it outlives the call, and then reads in the
// next client's request.
func TestTheLedgerIsNotLentTheRequest(t *testing.T) {
	k := &keeper{Local: cluster.NewLocal(cluster.LocalConfig{Window: 20 * time.Second})}
	r := newRig(t, func(c *gateway.Config) { c.Ledger = k })
	r.is(r.do(r.good().raw()), 200, "", "")
	r.is(r.do(public("get_ticker", "{}")), 200, "", "")
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.kept) != 2 {
		t.Fatalf("the ledger was asked %d times, want 2", len(k.kept))
	}
	for _, ctx := range k.kept {
		if _, is := ctx.(*fasthttp.RequestCtx); is {
			t.Error("the ledger was given the request, which becomes another one")
		}
	}
}
