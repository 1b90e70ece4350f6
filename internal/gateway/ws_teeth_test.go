package gateway_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"latchkey"
	"latchkey/internal/gateway"
	"latchkey/internal/verify"

	"github.com/fasthttp/websocket"
)

// loose is a rig whose guards are off.
func loose(t *testing.T, r *rig, off ...func(*rig)) *rig {
	t.Helper()
	for _, f := range off {
		f(r)
	}
	return r.start()
}

func noEach(r *rig)  { r.gateway.Off(gateway.GuardEach) }
func noEnd(r *rig)   { r.gateway.Off(gateway.GuardEnd) }
func neither(r *rig) { r.gateway.Off(gateway.GuardEach | gateway.GuardEnd) }

// Were the logon alone judged, everything that a message is refused for would
// get through: the tests of the refusals can fail.
func TestWithoutAJudgementOfEachMessageEverythingPasses(t *testing.T) {
	few := func(c *gateway.Config) { c.Points = 3 }
	for name, spoil := range map[string]func(*rig, bot){
		"state not known": func(r *rig, _ bot) { r.gateway.Sessions.Hold(keyID) },
		"points used up": func(r *rig, _ bot) {
			for range 3 {
				r.do(r.good().on("get_candles").raw())
			}
		},
		"seen before": func(_ *rig, b bot) { b.ask("do_my_internal_transfer", "7", "{}") },
		"permission":  func(*rig, bot) {},
	} {
		t.Run(name, func(t *testing.T) {
			r := loose(t, build(t, few), noEach)
			b := r.logged()
			spoil(r, b)
			r.exchange.ws.take()
			if n := b.ask("do_my_internal_transfer", "7", "{}"); n.OK != "ok" {
				t.Errorf("answered with %s", n.raw)
			}
			if got := r.exchange.ws.take(); len(got) != 1 {
				t.Errorf("the exchange got %q", got)
			}
		})
	}
}

// Were sessions not ended, a changed key would keep them, and only the
// judgement of each message would stand between; without both, a deleted key
// trades on.
func TestWithoutItsEndASessionOutlivesItsKey(t *testing.T) {
	remove := func(k *latchkey.Key) { k.Status = latchkey.StatusDeleted }
	r := loose(t, build(t), noEnd)
	b := r.logged()
	r.change(r.gateway.Sessions, remove)
	if n := b.ask("do_my_new_order", "1", "{}"); n.Data.Code != "unauthorized" {
		t.Errorf("without the end, answered with %s", n.raw)
	}
	if got := r.gateway.Sessions.List(keyID); len(got) != 1 {
		t.Errorf("sessions are %v", got)
	}
	r = loose(t, build(t), neither)
	b = r.logged()
	r.change(r.gateway.Sessions, remove)
	if n := b.ask("do_my_new_order", "1", "{}"); n.OK != "ok" {
		t.Errorf("without both, answered with %s", n.raw)
	}
}

// What a client sends after the owner was told reaches the exchange never,
// however fast it sends; with both guards off it does.
func TestNothingSentAfterAChangeIsForwarded(t *testing.T) {
	if n := late(t, loose(t, build(t, roomy)), 30, false); n > 0 {
		t.Errorf("%d messages that were sent after a change arrived", n)
	}
	late(t, loose(t, build(t, roomy), neither), 3, true)
}

// late changes the key while a client sends without a pause, and counts what
// the exchange got of that which was sent after a change was acknowledged. It
// waits for that, if it is to arrive.
func late(t *testing.T, r *rig, rounds int, arrives bool) (arrived int) {
	t.Helper()
	for range rounds {
		b := r.logged()
		var acknowledged atomic.Bool
		done := make(chan struct{})
		go func() {
			defer close(done)
			for after := 0; after < 50; {
				when := "before"
				if acknowledged.Load() {
					when = "after"
					after++
				}
				if b.WriteMessage(websocket.TextMessage, []byte(`{"e":"get_candles","oid":"`+when+`"}`)) != nil {
					return
				}
			}
		}()
		go func() { // takes the replies
			for {
				if _, _, err := b.ReadMessage(); err != nil {
					return
				}
			}
		}()
		until(t, "messages pass", func() bool { return len(r.exchange.ws.take()) > 0 })
		r.change(r.gateway.Sessions, func(*latchkey.Key) {})
		acknowledged.Store(true)
		<-done
		count := func() bool {
			for _, m := range r.exchange.ws.take() {
				if strings.Contains(m, `"after"`) {
					arrived++
				}
			}
			return arrived > 0
		}
		if arrives {
			until(t, "what was sent after the change arrives", count)
		}
		_ = b.Close()
		until(t, "the session ends", func() bool { return r.gateway.Doors() == 0 })
		count()
	}
	return arrived
}

// meanwhile is a ledger in front of which something happens: after a message was
// judged by what the key is, and before it is sent.
type meanwhile struct {
	verify.Ledger
	happens func()
}

func (b *meanwhile) Take(ctx context.Context, t latchkey.Take) (latchkey.Taken, error) {
	if b.happens != nil {
		b.happens()
	}
	return b.Ledger.Take(ctx, t)
}

// The last look at the key and the session is the one right before the first
// byte leaves.
func TestWhatChangesWhileAMessageIsJudgedStopsIt(t *testing.T) {
	sessions := func(r *rig) *gateway.Sessions { return r.gateway.Sessions }
	for name, c := range map[string]struct {
		happens func(*rig)
		check   func(bot)
	}{
		"state not known": {func(r *rig) { sessions(r).Hold(keyID) }, func(b bot) {
			if n := b.read(); n.Data.Code != "key_state_changing" {
				b.t.Errorf("answered with %s", n.raw)
			}
		}},
		"changed": {func(r *rig) { r.change(sessions(r), func(*latchkey.Key) {}) }, func(b bot) { b.gone(4401, "key_changed") }},
		"ended":   {func(r *rig) { sessions(r).End(keyID, sessions(r).List(keyID)[0].ID) }, func(b bot) { b.gone(4403, "session_ended") }},
	} {
		t.Run(name, func(t *testing.T) {
			var ledger *meanwhile
			r := newRig(t, func(c *gateway.Config) {
				ledger = &meanwhile{Ledger: c.Ledger}
				c.Ledger = ledger
			})
			b := r.logged()
			ledger.happens = func() { c.happens(r) }
			b.say(`{"e":"do_my_new_order","oid":"1"}`)
			c.check(b)
			_ = b.Close()
			if name != "state not known" {
				r.empty()
			}
			if got := r.exchange.ws.take(); len(got) > 0 {
				t.Errorf("the exchange got %q", got)
			}
		})
	}
}
