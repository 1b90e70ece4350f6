package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Many clients with a key each, with long and short bodies, one by one and in
// bursts, over far fewer connections to the exchange, while others send what is
// refused: every answer is that of its own request, and every request comes
// from its own key.
func TestClientsThatShareConnectionsAreNeverMixed(t *testing.T) {
	const clients, rounds = 24, 25
	var keys []string
	for i := range clients {
		keys = append(keys, fmt.Sprint("lk_client", i))
	}
	r, e := echoing(t, keys...)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	cases := slices.DeleteFunc(smuggling(), func(s spelled) bool { return s.status == 0 })
	var all sync.WaitGroup
	sent := make([]int, clients)
	for i, key := range keys {
		all.Go(func() { sent[i] = r.chat(key, rand.New(rand.NewPCG(seed, uint64(i))), rounds) })
		all.Go(func() { r.disturb(cases, rand.New(rand.NewPCG(seed, uint64(i)+1000)), rounds/5) })
	}
	all.Wait()
	total := 0
	for _, n := range sent {
		total += n
	}
	got := e.take()
	if slices.Sort(got); len(got) != total || len(slices.Compact(got)) != total || total < clients*rounds {
		t.Errorf("the exchange got %d requests, want %d different ones", len(got), total)
	}
	t.Logf("%d requests of %d clients", total, clients)
}

// chat sends bursts of signed calls and compares every answer, in its order.
func (r *rig) chat(key string, dice *rand.Rand, rounds int) (sent int) {
	c := r.dial()
	for range rounds {
		var raw strings.Builder
		var want []string
		for range 1 + dice.IntN(6) {
			action := []string{"get_candles", "get_my_orders", "do_my_new_order"}[dice.IntN(3)]
			body := fmt.Sprintf(`{"from":%q,"n":%d,"pad":%q}`, key, sent, strings.Repeat("x", dice.IntN(1<<dice.IntN(15))))
			raw.WriteString(r.good().on(action).by(key, body).raw())
			want = append(want, echoed(key, action, body))
			sent++
		}
		c.pieces(dice, raw.String())
		for _, w := range want {
			if a := c.receive(); a.body != w {
				r.t.Errorf("%s is answered by %d %.200s, want %.200s", key, a.StatusCode, a.body, w)
				return sent
			}
		}
	}
	return sent
}

// disturb sends what is refused.
func (r *rig) disturb(cases []spelled, dice *rand.Rand, times int) {
	for range times {
		s := cases[dice.IntN(len(cases))]
		c := r.dial()
		c.pieces(dice, s.edit(r.good().raw())+r.good().raw())
		if a := c.receive(); a.StatusCode != s.status {
			r.t.Errorf("%s: answered by %d %s", s.name, a.StatusCode, a.body)
		}
		_ = c.Close()
	}
}
