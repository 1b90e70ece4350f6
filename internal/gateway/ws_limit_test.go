package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/gateway"
)

func TestASessionWithoutALogonEnds(t *testing.T) {
	r := newRig(t, func(c *gateway.Config) { c.LogonTimeout, c.MaxMessages = 100*time.Millisecond, 1<<30 })
	b := r.bot("/api/ws")
	b.gone(1008, "logon_timeout")
	// Nothing that a stranger sends buys more time.
	for name, chatter := range map[string]string{
		"pings": frame(fin|ping, ""), "JSON pings": frame(fin|text, `{"e":"ping"}`), "calls": frame(fin|text, `{"e":"get_my_orders","oid":"1"}`),
		"pongs": frame(fin|pong, "") + frame(fin|ping, ""),
	} {
		t.Run(name, func(t *testing.T) {
			defer r.during(t)()
			w := r.upgraded("/api/ws")
			got := w.chat(chatter, time.Minute)
			if got.end != "logon_timeout" || got.close != 1008 {
				t.Errorf("the connection ends with %d %q", got.close, got.end)
			}
		})
	}
	// A public session needs none.
	p := r.upgraded("/api/ws-public")
	if got := p.chat(frame(fin|ping, ""), 300*time.Millisecond); got.close != 0 {
		t.Errorf("a public session ends with %d %q", got.close, got.end)
	}
}

// chat sends, waits for an answer and sends again, until the time is over or
// the connection is.
func (w wire) chat(frames string, long time.Duration) (got seen) {
	w.t.Helper()
	for begin := time.Now(); time.Since(begin) < long && got.close == 0; {
		if _, err := w.Conn.Write([]byte(frames)); err != nil {
			w.until(&got, func() bool { return false })
			return got
		}
		n := len(got.texts) + len(got.pongs)
		w.until(&got, func() bool { return len(got.texts)+len(got.pongs) > n || got.close != 0 })
	}
	return got
}

func TestASilentSessionEndsAndAPingKeepsIt(t *testing.T) {
	r := frameRig(t, func(c *gateway.Config) { c.IdleTimeout = 2 * time.Second })
	var all sync.WaitGroup
	for name, chatter := range map[string]string{"ping": frame(fin|ping, "x"), "JSON ping": frame(fin|text, `{"e":"ping"}`), "call": frame(fin|text, call1("x"))} {
		w := r.upgraded("/api/ws-public")
		all.Go(func() {
			if got := w.chat(chatter, 4500*time.Millisecond); got.close != 0 {
				t.Errorf("%s: the session ends with %d %q", name, got.close, got.end)
			}
			w.left(1000, "idle")
		})
	}
	silent := []bot{r.logged(), r.bot("/api/ws-public")}
	all.Go(func() { // a pong that nobody asked for is no sign of life
		w := r.upgraded("/api/ws-public", frame(fin|pong, ""))
		w.left(1000, "idle")
	})
	for _, b := range silent {
		b.gone(1000, "idle")
	}
	all.Wait()
}

// A message has to arrive in one go: neither its own bytes nor pings between
// its fragments buy time.
func TestAMessageThatTricklesEndsTheSession(t *testing.T) {
	r := frameRig(t, func(c *gateway.Config) { c.HeadTimeout = 150 * time.Millisecond })
	w := r.upgraded("/api/ws-public", frame(text, before))
	if got := w.chat(frame(goesOn, "*")+frame(fin|ping, ""), time.Minute); got.close != 1008 || got.end != "too_slow" {
		t.Errorf("fragments: the connection ends with %d %q", got.close, got.end)
	}
	r.upgraded("/api/ws-public", announce(fin|text, 100)+masked(before)).left(1008, "too_slow")
	r.upgraded("/api/ws-public", announce(fin|text, 100)).left(1008, "too_slow")
}

func TestThePaceOfASession(t *testing.T) {
	all := func(n int, at time.Duration) []time.Duration { return slices.Repeat([]time.Duration{at}, n) }
	for name, c := range map[string]struct {
		at   []time.Duration
		want int
	}{
		"a hundred":        {all(100, 0), 100},
		"one more":         {all(101, 0), 100},
		"within a second":  {append(all(100, 0), 999*time.Millisecond), 100},
		"after a second":   {append(all(100, 0), time.Second), 101},
		"second after all": {append(append(all(100, 0), all(100, time.Second)...), 1999*time.Millisecond), 200},
	} {
		if got := gateway.Paced(100, c.at...); got != c.want {
			t.Errorf("%s: %d pass, want %d", name, got, c.want)
		}
	}
}

func TestTooManyMessagesEndTheSession(t *testing.T) {
	r := newRig(t)
	for name, one := range map[string]string{
		"JSON pings": frame(fin|text, `{"e":"ping"}`), "pings": frame(fin|ping, ""), "pongs": frame(fin|pong, ""),
		"calls": frame(fin|text, `{"e":"get_my_orders","oid":"1"}`), "pings inside of a message": frame(fin|ping, ""),
	} {
		t.Run(name, func(t *testing.T) {
			defer r.during(t)()
			before := ""
			if name == "pings inside of a message" {
				before = frame(text, "{")
			}
			w := r.upgraded("/api/ws", before+strings.Repeat(one, 400))
			got := w.rest()
			if got.close != 1008 || got.end != "too_many_messages" || name != "pongs" && len(got.texts)+len(got.pongs) < 99 {
				t.Errorf("the connection ends with %d %q after %d answers", got.close, got.end, len(got.texts)+len(got.pongs))
			}
		})
	}
}

func TestAKeyHasSoManySessions(t *testing.T) {
	r := newRig(t, func(c *gateway.Config) { c.MaxSessions = 2 })
	other := theKey()
	other.ID = "lk_two"
	r.table.Put(other, secret)
	first, second := r.logged(), r.logged()
	log := func(key string) (bot, note) {
		b := r.bot("/api/ws")
		b.auth(key, string(secret), "1700000040")
		return b, b.read()
	}
	b, n := log(keyID)
	if n.Data.Code != "too_many_sessions" || n.OK != "" {
		t.Errorf("the third is answered with %s", n.raw)
	}
	b.gone(1008, "too_many_sessions")
	// The client is answered first.
	until(t, "the log has its status", func() bool {
		return strings.Contains(r.log.String(), `"verdict":"too_many_sessions","status":429`)
	})
	if _, n := log("lk_two"); n.OK != "ok" {
		t.Errorf("another key's is answered with %s", n.raw)
	}
	if got := r.gateway.Sessions.List(keyID); len(got) != 2 {
		t.Errorf("sessions are %v", got)
	}
	if n := second.ask("get_my_orders", "1", "{}"); n.OK != "ok" {
		t.Errorf("an older session is answered with %s", n.raw)
	}
	// A place is free again as soon as its session has ended.
	_ = first.Close()
	for n.OK == "" {
		_, n = log(keyID)
		if n.OK == "" && n.Data.Code != "too_many_sessions" {
			t.Fatalf("the next is answered with %s", n.raw)
		}
	}
}

// What REST used up is missing here, and the other way round; what was refused
// took nothing.
func TestPointsUsedUpOverREST(t *testing.T) {
	r := newRig(t, func(c *gateway.Config) { c.Points = 10 })
	b := r.logged()
	for i := range 4 {
		if n := b.ask("get_candles", fmt.Sprint(i), "{}"); n.OK != "ok" {
			t.Fatalf("answered with %s", n.raw)
		}
	}
	r.is(r.do(r.good().on("get_my_orders").raw()), 200, "", "")
	if n := b.ask("get_candles", "last", "{}"); n.OK != "ok" {
		t.Errorf("the tenth point is answered with %s", n.raw)
	}
	r.is(r.do(r.good().on("get_candles").raw()), 429, "rate_limited", "")
	if n := b.ask("get_candles", "more", "{}"); n.Data.Code != "rate_limited" || n.OID != "more" {
		t.Errorf("the eleventh is answered with %s", n.raw)
	}
	b.gone(1000, "rate_limited")
	r.pass(time.Minute)
	if n := r.logged().ask("get_candles", "1", "{}"); n.OK != "ok" {
		t.Errorf("in the next minute: %s", n.raw)
	}
}

// Public calls count for the address, over both.
func TestPublicPointsAreThoseOfTheAddress(t *testing.T) {
	r := newRig(t, func(c *gateway.Config) { c.PublicPoints = 3 })
	first, second := r.bot("/api/ws-public"), r.bot("/api/ws-public")
	first.ask("get_ticker", "1", "{}")
	r.is(r.do(public("get_ticker", "{}")), 200, "", "")
	second.ask("get_ticker", "1", "{}")
	if n := first.ask("get_ticker", "1", "{}"); n.Data.Code != "rate_limited" {
		t.Errorf("answered with %s", n.raw)
	}
	first.gone(1000, "rate_limited")
	r.is(r.do(public("get_ticker", "{}")), 429, "rate_limited", "")
	if n := r.logged().ask("get_candles", "1", "{}"); n.OK != "ok" {
		t.Errorf("a key is answered with %s", n.raw)
	}
}

// A replay is one on any session of the key, at any moment of the 20 s, and
// for as long as the logon could be repeated.
func TestAReplayIsKnownForTheWholeWindow(t *testing.T) {
	const order = `{"e":"do_my_new_order","oid":"1","data":{}}`
	for _, ahead := range []time.Duration{0, 20 * time.Second} {
		r := newRig(t, func(c *gateway.Config) { c.Points = 1000 })
		login := func() bot {
			b := r.bot("/api/ws")
			b.auth(keyID, string(secret), fmt.Sprint(start.Add(ahead).Unix()))
			if n := b.read(); n.OK != "ok" {
				t.Fatalf("auth is answered with %s", n.raw)
			}
			return b
		}
		first, second := login(), login()
		first.say(order)
		if n := first.read(); n.OK != "ok" {
			t.Fatalf("the first is answered with %s", n.raw)
		}
		for at := time.Duration(0); at < 20*time.Second+ahead; at += time.Second {
			for _, b := range []bot{first, second} {
				b.say(order)
				if n := b.read(); n.Data.Code != "replayed" {
					t.Fatalf("after %v it is answered with %s", at, n.raw)
				}
			}
			r.pass(time.Second)
		}
		r.change(r.gateway.Sessions, func(k *latchkey.Key) { k.Version++ })
		if got := r.exchange.ws.take(); len(got) != 1 {
			t.Errorf("the exchange got %q", got)
		}
	}
}
