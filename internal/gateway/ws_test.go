package gateway_test

import (
	"fmt"
	"testing"

	"latchkey"
)

// The way of a bot that keeps to the protocol.
func TestASessionSpeaksTheProtocol(t *testing.T) {
	r := newRig(t)
	b := r.logged()
	b.say(`{"e":"ping"}`)
	if n := b.read(); n.raw != `{"e":"pong"}` {
		t.Errorf("ping is answered with %s", n.raw)
	}
	n := b.ask("do_my_new_order", "17", `{"side":"BUY"}`)
	if n.E != "do_my_new_order" || n.OID != "17" || n.OK != "ok" {
		t.Errorf("the reply is %s", n.raw)
	}
	want := `{"e":"do_my_new_order","oid":"17","data":{"side":"BUY"}}`
	if got := r.exchange.ws.take(); len(got) != 1 || got[0] != want {
		t.Errorf("the exchange got %q, want %s", got, want)
	}
	callers := r.exchange.ws.callers()
	if len(callers) != 1 || callers[0].Key != keyID || callers[0].Account != "acc_one" {
		t.Errorf("the exchange was told of %v", callers)
	}
}

func TestEveryChangeOfTheKeyEndsItsSessions(t *testing.T) {
	changes := map[string]func(*latchkey.Key){
		"deactivate": func(k *latchkey.Key) { k.Status = latchkey.StatusInactive },
		"delete":     func(k *latchkey.Key) { k.Status = latchkey.StatusDeleted },
		"edit":       func(k *latchkey.Key) { k.Permissions = latchkey.NewPermissions(latchkey.FundsWallet) },
		"newer":      func(*latchkey.Key) {},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			b, other := r.logged(), r.bot("/api/ws-public")
			r.change(r.gateway.Sessions, change)
			if got := r.gateway.Sessions.List(keyID); len(got) != 0 {
				t.Errorf("after the change there are %v", got)
			}
			b.gone(4401, "key_changed")
			// Only its own sessions.
			if n := other.ask("get_ticker", "1", `{}`); n.OK != "ok" {
				t.Errorf("a public session is answered with %s", n.raw)
			}
		})
	}
}

func TestAMutatingMessageCountsOnce(t *testing.T) {
	r := newRig(t)
	first, second := r.logged(), r.logged()
	for i, b := range []bot{first, second, first} {
		n := b.ask("do_my_new_order", "1", `{"side":"BUY"}`)
		if want := map[bool]string{true: "", false: "replayed"}[i == 0]; n.Data.Code != want {
			t.Errorf("message %d is answered with %s", i, n.raw)
		}
	}
	if n := second.ask("do_my_new_order", "2", `{"side":"BUY"}`); n.OK != "ok" {
		t.Errorf("another oid is answered with %s", n.raw)
	}
	for range 2 {
		if n := second.ask("get_my_orders", "1", `{}`); n.OK != "ok" {
			t.Errorf("a read is answered with %s", n.raw)
		}
	}
	if got := r.exchange.ws.take(); len(got) != 4 {
		t.Errorf("the exchange got %q", got)
	}
}

func TestTheOwnerSeesAndEndsSessions(t *testing.T) {
	r := newRig(t)
	b, stays := r.logged(), r.logged()
	b.ask("get_my_orders", "1", `{}`)
	list := r.gateway.Sessions.List(keyID)
	if len(list) != 2 {
		t.Fatalf("sessions are %v", list)
	}
	var id string
	for _, s := range list {
		if s.LastAction == "get_my_orders" && s.Messages == 1 && s.IP.IsLoopback() {
			id = s.ID
		}
	}
	if r.gateway.Sessions.End("lk_other", id) || !r.gateway.Sessions.End(keyID, id) || r.gateway.Sessions.End(keyID, id) {
		t.Error("a session ends once, by its own key")
	}
	b.gone(4403, "session_ended")
	if n := stays.ask("get_my_orders", "1", `{}`); n.OK != "ok" {
		t.Errorf("the other session is answered with %s", n.raw)
	}
}

func TestRESTAndWebSocketShareThePoints(t *testing.T) {
	r := newRig(t)
	b := r.logged()
	for i := range 39 {
		if n := b.ask("get_my_orders", fmt.Sprint(i), `{}`); n.OK != "ok" {
			t.Fatalf("message %d: %s", i, n.raw)
		}
	}
	r.is(r.do(r.good().on("get_my_orders").raw()), 200, "", "")
	n := b.ask("get_my_orders", "x", `{}`)
	if n.Data.Code != "rate_limited" || n.OID != "x" {
		t.Errorf("over the limit: %s", n.raw)
	}
	b.gone(1000, "rate_limited")
}
