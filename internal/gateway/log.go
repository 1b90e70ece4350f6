package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"
)

// finish writes the one line that each request gets in the log, and counts it.
// Neither headers nor bodies are part of it, so no secret and no signature can
// be; a key's id is, an id that does not exist is not.
func (g *Gateway) finish(x *exchange) {
	// For a long answer this is the time to its begin, not to its end.
	took := time.Since(x.start)
	g.metrics.count(x, took)
	ctx := context.Background()
	if !g.Log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	action := ""
	if x.action != nil {
		action = x.action.Name
	}
	g.Log.LogAttrs(ctx, slog.LevelInfo, "request",
		slog.String("request", x.id), slog.String("action", action), slog.String("key", x.keyID),
		slog.String("ip", x.address()), slog.String("verdict", x.code), slog.Int("status", x.status),
		slog.Duration("took", took))
}

func (x *exchange) address() string {
	if !x.addr.IsValid() {
		return ""
	}
	return x.addr.String()
}

// recovered notes a fault that was recovered from, if there is one. What a panic
// was called with may hold anything, so only its type is told, and the text of
// those of the runtime, which name numbers and types.
func (g *Gateway) recovered(fault any, what, id string) bool {
	if fault == nil {
		return false
	}
	text := fmt.Sprintf("%T", fault)
	if of, ok := fault.(runtime.Error); ok {
		text = of.Error()
	}
	g.metrics.faults.Inc()
	g.Log.Error("a "+what+" met a fault in the gateway", what, id, "fault", text, "stack", string(debug.Stack()))
	return true
}
