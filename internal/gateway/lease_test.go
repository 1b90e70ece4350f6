package gateway_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/gateway"

	"github.com/fasthttp/websocket"
)

// leash is a lease that a test takes away and gives back.
type leash struct{ lost atomic.Bool }

func (l *leash) hang(c *gateway.Config) { c.Leased = func() bool { return !l.lost.Load() } }

// settled returns the bot when the exchange has answered a call of it, so that
// what is pushed comes behind its greeting.
func (b bot) settled(action string) bot {
	b.t.Helper()
	if n := b.ask(action, "0", "{}"); n.OK != "ok" {
		b.t.Fatal(n.raw)
	}
	return b
}

// pushes sends numbered messages to all sessions at the exchange.
func (r *rig) pushes(from, to int) {
	r.t.Helper()
	for n := from; n < to; n++ {
		for _, c := range r.exchange.ws.sessions() {
			if err := r.exchange.ws.send(c, fmt.Appendf(nil, `{"e":"push","data":{"n":%d}}`, n)); err != nil {
				r.t.Fatal(err)
			}
		}
	}
}

// gets reads numbered messages in their order.
func (b bot) gets(from, to int) {
	b.t.Helper()
	for n := from; n < to; n++ {
		if got := b.read(); got.E != "push" || got.Data.N != n {
			b.t.Fatalf("in place of push %d comes %s", n, got.raw)
		}
	}
}

// Without a lease nothing is pushed to who logged on with a key, and nothing of
// theirs is forwarded; with the next one everything goes on, in its order. Public
// sessions need none.
func TestASessionWaitsForTheLease(t *testing.T) {
	var lease leash
	r := build(t, roomy, lease.hang)
	r.gateway.Grace(time.Minute)
	r.start()
	b, p := r.logged().settled("get_candles"), r.bot("/api/ws-public").settled("get_ticker")
	r.pushes(0, 3)
	b.gets(0, 3)
	p.gets(0, 3)
	for round := range 3 {
		r.exchange.ws.take()
		lease.lost.Store(true)
		r.pushes(3, 6)
		p.gets(3, 6)
		if n := p.ask("get_ticker", "2", "{}"); n.OK != "ok" {
			t.Errorf("a public call is answered with %s", n.raw)
		}
		for range 20 { // each a way there and back, on which a push would come along
			if n := b.ask("do_my_new_order", fmt.Sprint(round), "{}"); n.Data.Code != "unavailable" {
				t.Fatalf("without a lease, the client gets %s", n.raw)
			}
			b.say(`{"e":"ping"}`)
			if n := b.read(); n.E != "pong" {
				t.Fatalf("without a lease, the client gets %s", n.raw)
			}
		}
		for _, got := range r.exchange.ws.take() {
			if strings.Contains(got, "order") {
				t.Errorf("the exchange got %s", got)
			}
		}
		lease.lost.Store(false)
		b.gets(3, 6)
		if n := b.ask("do_my_new_order", fmt.Sprint(round), "{}"); n.OK != "ok" {
			t.Errorf("with the next lease, answered with %s", n.raw)
		}
	}
}

// The twin: were there no pause, a push would come at a time at which this node
// may have missed that the key was deactivated.
func TestWithoutThePauseAPushNeedsNoLease(t *testing.T) {
	var lease leash
	r := loose(t, build(t, lease.hang), func(r *rig) { r.gateway.Off(gateway.GuardPause) })
	b := r.logged().settled("get_candles")
	lease.lost.Store(true)
	r.pushes(0, 3)
	b.gets(0, 3)
}

// A lease that comes and goes loses nothing and changes no order.
func TestALeaseThatComesAndGoesLosesNothing(t *testing.T) {
	const count = 3000
	var lease leash
	r := build(t, roomy, lease.hang)
	r.gateway.Grace(time.Minute)
	r.start()
	b := r.logged().settled("get_candles")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(3 * time.Millisecond)
		defer tick.Stop()
		for lost := true; ; lost = !lost {
			select {
			case <-tick.C:
				lease.lost.Store(lost)
			case <-stop:
				lease.lost.Store(false)
				return
			}
		}
	}()
	go r.pushes(0, count)
	b.gets(0, count)
	close(stop)
	<-stopped
}

// Who waited long enough is sent away, with or without something to read, and
// comes back at another moment than the others. The exchange is told.
func TestASessionWithoutALeaseEnds(t *testing.T) {
	var lease leash
	r := build(t, roomy, lease.hang)
	const grace = 300 * time.Millisecond
	r.gateway.Grace(grace)
	r.start()
	bots := []bot{r.logged().settled("get_candles"), r.logged().settled("get_candles"), r.logged().settled("get_candles")}
	p := r.bot("/api/ws-public").settled("get_ticker")
	begin := time.Now()
	lease.lost.Store(true)
	r.pushes(0, 1)
	back := map[int64]bool{}
	for _, b := range bots {
		n := b.read()
		if n.E != "disconnected" || n.Code != "unavailable" || n.RetryMs < 500 || n.RetryMs >= 5500 {
			t.Errorf("without a lease, the client gets %s", n.raw)
		}
		back[n.RetryMs] = true
		if _, text, err := b.ReadMessage(); !websocket.IsCloseError(err, 1012) {
			t.Errorf("the connection ends with %q, %v", text, err)
		}
		_ = b.Close()
	}
	if took := time.Since(begin); took < grace {
		t.Errorf("the sessions ended after %v", took)
	}
	if len(back) == 1 {
		t.Errorf("all come back after %v", back)
	}
	p.gets(0, 1)
	_ = p.Close()
	r.empty()
	n := r.bot("/api/ws")
	n.auth(keyID, string(secret), fmt.Sprint(r.clock().Unix()))
	if a := n.read(); a.Data.Code != "unavailable" {
		t.Errorf("without a lease, a logon is answered with %s", a.raw)
	}
	lease.lost.Store(false)
	r.logged()
}

// What waits when the key changes, or the gateway stops, is never pushed.
func TestWhatWaitsForALeaseDoesNotOutliveItsSession(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(*rig)
		status int
		code   string
	}{
		"key changed": {func(r *rig) { r.quick(ends["deactivated"]) }, 4401, "key_changed"},
		"owner":       {func(r *rig) { r.gateway.Sessions.End(keyID, r.gateway.Sessions.List(keyID)[0].ID) }, 4403, "session_ended"},
		"stop":        {func(r *rig) { go r.gateway.Shutdown(t.Context()) }, 1012, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			var lease leash
			r := build(t, lease.hang)
			r.gateway.Grace(time.Minute)
			r.start()
			b := r.logged().settled("get_candles")
			lease.lost.Store(true)
			r.pushes(0, 3)
			c.end(r)
			b.gone(c.status, c.code)
		})
	}
}

// The length of the pause, by a clock of its own.
func TestAPauseEndsAfterFiveSeconds(t *testing.T) {
	var lease leash
	look, wait := gateway.Pause(func() bool { return !lease.lost.Load() })
	now := time.Now()
	check := func(after time.Duration, over bool) {
		t.Helper()
		if now = now.Add(after); look(now) != over {
			t.Errorf("after %v more the pause is over: %v", after, !over)
		}
	}
	check(time.Hour, false)
	lease.lost.Store(true)
	check(time.Hour, false) // seen now
	check(5*time.Second-1, false)
	lease.lost.Store(false)
	check(0, false)
	lease.lost.Store(true)
	check(time.Hour, false) // counted anew
	check(5*time.Second, true)
	check(time.Hour, true)
	lease.lost.Store(false)
	check(0, false)
	// Lost and back between two looks: who waits is woken all the same.
	woken := wait(now)
	check(0, false)
	<-woken
	lease.lost.Store(true)
	wait(now)
	check(5*time.Second, true) // counted from then
}
