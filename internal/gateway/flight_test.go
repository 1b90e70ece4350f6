package gateway_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/gateway"
)

// ends are the ways in which a version of a key ends.
var ends = map[string]func(*latchkey.Key){
	"deactivated": func(k *latchkey.Key) { k.Status = latchkey.StatusInactive },
	"edited":      func(k *latchkey.Key) { k.Allowlist = only("127.0.0.1") },
	"deleted":     func(k *latchkey.Key) { k.Status = latchkey.StatusDeleted },
}

// holding is an exchange that keeps each order until it is released or nobody
// waits for its answer; gone gets one for each of those.
type holding struct {
	arrived, gone, release chan struct{}
}

func hold(r *rig) holding {
	h := holding{make(chan struct{}, 1000), make(chan struct{}, 1000), make(chan struct{})}
	r.exchange.answers(func(w http.ResponseWriter, q *http.Request) {
		h.arrived <- struct{}{}
		select {
		case <-h.release:
			_, _ = io.WriteString(w, `{"ok":"late"}`)
		case <-q.Context().Done():
			h.gone <- struct{}{}
		}
	})
	return h
}

// soon is what a cut call's answer may take; the exchange in these tests would
// take for ever. Other tests may run on this machine.
const soon = 2 * time.Second

// quick checks that a change is not held up by what it cuts off.
func (r *rig) quick(change func(*latchkey.Key)) {
	r.t.Helper()
	begin := time.Now()
	r.change(r.gateway.Sessions, change)
	if took := time.Since(begin); took > 900*time.Millisecond { // under the bound of the wait
		r.t.Errorf("the change took %v", took)
	}
}

// The promise: when the change is acknowledged, no call of the version before is
// on its way, and its client knows that nobody knows.
func TestACallOnItsWayEndsWithItsKey(t *testing.T) {
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			h := hold(r)
			c := r.dial()
			c.send(r.good().raw())
			<-h.arrived
			begin := time.Now()
			r.quick(end)
			if n := r.gateway.Sessions.Flying(keyID); n > 0 {
				t.Errorf("%d calls are on their way after the change", n)
			}
			r.is(c.receive(), 502, "key_changed", "may have been executed")
			if took := time.Since(begin); took > soon {
				t.Errorf("the answer took %v", took)
			}
			<-h.gone
			if log := r.log.String(); !strings.Contains(log, `"verdict":"key_changed","status":502`) {
				t.Errorf("the log is %s", log)
			}
			if n := r.metric("latchkey_gateway_calls_cut_total"); n != 1 {
				t.Errorf("%v calls were counted", n)
			}
		})
	}
}

// The twin: were calls not cut off, the exchange would go on with an order of a
// key that the owner believes to be dead.
func TestWithoutTheCutACallOutlivesItsKey(t *testing.T) {
	r := loose(t, build(t), func(r *rig) { r.gateway.Off(gateway.GuardCut) })
	h := hold(r)
	c := r.dial()
	c.send(r.good().raw())
	<-h.arrived
	r.change(r.gateway.Sessions, ends["deactivated"])
	if n := r.gateway.Sessions.Flying(keyID); n != 1 {
		t.Errorf("%d calls are on their way", n)
	}
	close(h.release)
	r.is(c.receive(), 200, "", "")
}

// What has not left says so, and the change does not wait for it: it cannot
// leave any more.
func TestAChangeDoesNotWaitForACallThatHasNotLeft(t *testing.T) {
	r, door := behindTLS(t)
	r.start()
	c := r.dial()
	c.send(r.good().raw())
	<-door.arrived // it has its verdict, the handshake hangs
	r.quick(ends["deactivated"])
	close(door.open)
	r.is(c.receive(), 503, "key_state_changing", "not executed")
	if got := r.exchange.take(); len(got) > 0 {
		t.Errorf("after the deactivation the exchange got %+v", got)
	}
}

// Behind TLS the connection ends as quickly, without a good-bye.
func TestACallBehindTLSEndsWithItsKey(t *testing.T) {
	r, door := behindTLS(t)
	close(door.open)
	r.start()
	h := hold(r)
	c := r.dial()
	c.send(r.good().raw())
	<-h.arrived
	r.quick(ends["deactivated"])
	r.is(c.receive(), 502, "key_changed", "may have been executed")
	<-h.gone
}

// A long answer that is passing breaks off, also when the client takes nothing.
func TestALongAnswerEndsWithItsKey(t *testing.T) {
	const size = 50 << 20 // more than all buffers in between
	for name, length := range map[string]string{"with a length": fmt.Sprint(size), "chunked": ""} {
		for _, reads := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, read: %v", name, reads), func(t *testing.T) {
				r := newRig(t)
				gone := make(chan struct{})
				r.exchange.answers(func(w http.ResponseWriter, q *http.Request) {
					if length != "" {
						w.Header().Set("Content-Length", length)
					}
					_, _ = w.Write(make([]byte, 200<<10))
					_ = http.NewResponseController(w).Flush()
					if !reads {
						_, _ = w.Write(make([]byte, size-200<<10)) // fills everything
					}
					<-q.Context().Done()
					close(gone)
				})
				c := r.dial()
				c.send(r.good().on("get_candles").raw())
				resp, err := http.ReadResponse(c.Reader, nil)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.CopyN(io.Discard, resp.Body, 100<<10); err != nil {
					t.Fatal(err)
				}
				r.quick(ends["deactivated"])
				if n := r.gateway.Sessions.Flying(keyID); n > 0 {
					t.Errorf("%d calls are on their way after the change", n)
				}
				if n, err := io.Copy(io.Discard, resp.Body); err == nil {
					t.Errorf("%d more bytes look like a whole answer", n)
				}
				<-gone
			})
		}
	}
}

// An exchange that takes nothing holds neither the change nor the client up, and
// what waits in the system's buffers is not sent later.
func TestARequestThatIsStuckEndsWithItsKey(t *testing.T) {
	stuck, got := make(chan struct{}), make(chan int64, 1)
	r := newRig(t, broker(t, func(c net.Conn) {
		asked(c) // its head, and what came with it
		<-stuck
		n, _ := io.Copy(io.Discard, c)
		got <- n
	}), func(c *gateway.Config) { c.UpstreamTimeout, c.MaxBody = time.Minute, 64<<20 })
	const size = 16 << 20 // more than all buffers in between
	order := r.good()
	order.body = `{"a":"` + stars(size) + `"}`
	c := r.dial()
	c.send(order.raw())
	until(t, "the order has begun to leave", func() bool { return r.gateway.Sessions.Left(keyID) == 1 })
	r.quick(ends["deactivated"])
	r.is(c.receive(), 502, "key_changed", "may have been executed")
	close(stuck)
	if n := <-got; n >= size {
		t.Errorf("the exchange got all %d bytes", n)
	}
}

// The connection that was cut is not used again, and another one takes its
// place at once.
func TestAConnectionThatWasCutIsNotUsedAgain(t *testing.T) {
	r := newRig(t)
	var mu sync.Mutex
	var from []string
	h := hold(r)
	held := r.exchange.answer
	r.exchange.answers(func(w http.ResponseWriter, q *http.Request) {
		mu.Lock()
		from = append(from, q.RemoteAddr)
		first := len(from) == 2
		mu.Unlock()
		if first {
			held(w, q)
		}
	})
	c := r.dial()
	c.send(r.good().on("get_candles").raw())
	r.is(c.receive(), 200, "", "")
	c.send(r.good().raw())
	<-h.arrived
	r.change(r.gateway.Sessions, ends["edited"])
	r.is(c.receive(), 502, "key_changed", "")
	for range 3 {
		c.send(r.good().on("get_candles").raw())
		r.is(c.receive(), 200, "", "")
	}
	if from[0] != from[1] || from[1] == from[2] || from[2] != from[3] || from[3] != from[4] {
		t.Errorf("the calls came from %v", from)
	}
}

// Only the end of a version cuts: not what happens to another key, not news that
// say what is known, not a doubt and not a mask.
func TestACallOutlivesWhatDoesNotChangeItsKey(t *testing.T) {
	other := theKey()
	other.ID = "lk_two"
	for name, happens := range map[string]func(*gateway.Sessions){
		"another key": func(x *gateway.Sessions) {
			other.Version++
			other.Status = latchkey.StatusDeleted
			x.Put(other, secret)
		},
		"the same again": func(x *gateway.Sessions) { x.Put(theKey(), secret) },
		"late news": func(x *gateway.Sessions) {
			old := theKey()
			old.Version--
			old.Status = latchkey.StatusInactive
			x.Put(old, "")
		},
		"a doubt":     func(x *gateway.Sessions) { x.Hold(keyID); x.Put(theKey(), ""); x.Release(keyID) },
		"a mask":      func(x *gateway.Sessions) { x.Mask(keyID); x.Unmask(keyID) },
		"its session": func(x *gateway.Sessions) { x.End(keyID, "ws_other") },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.table.Put(other, secret)
			h := hold(r)
			c := r.dial()
			c.send(r.good().raw())
			<-h.arrived
			happens(r.gateway.Sessions)
			close(h.release)
			r.is(c.receive(), 200, "", "")
		})
	}
}

// While one key changes all the time, what its clients are told is true for each
// single call, and nobody else notices.
func TestManyCallsAndChangesAtOnce(t *testing.T) {
	r := build(t, roomy, func(c *gateway.Config) {
		c.Ledger = cluster.NewLocal(cluster.LocalConfig{Window: 20 * time.Second})
	})
	other := theKey()
	other.ID = "lk_two"
	r.table.Put(other, secret)
	var mu sync.Mutex
	executed := map[string]bool{}
	r.exchange.answers(func(_ http.ResponseWriter, q *http.Request) {
		mu.Lock()
		executed[q.Header.Get("Latchkey-Request-Id")] = true
		mu.Unlock()
		if q.Header.Get("Latchkey-Key") == keyID {
			select {
			case <-q.Context().Done():
			case <-time.After(time.Millisecond): // of an exchange that works
			}
		}
	})
	r.start()
	var all sync.WaitGroup
	var stop atomic.Bool
	var told [3]atomic.Int64
	for i := range 24 {
		call := r.good()
		if i%3 == 0 {
			call.key = "lk_two"
		}
		all.Go(func() {
			c := r.dial()
			for n := 0; !stop.Load(); n++ {
				call.body = fmt.Sprintf(`{"clientOrderId":"%d-%d"}`, i, n)
				c.send(call.raw())
				a := c.receive()
				id := a.Header.Get("Latchkey-Request-Id")
				mu.Lock()
				was := executed[id]
				delete(executed, id)
				mu.Unlock()
				switch {
				case a.StatusCode == 200 && was:
					told[0].Add(1)
				case a.StatusCode == 503 && a.Code == "key_state_changing" && !was && call.key == keyID:
					told[1].Add(1)
				case a.StatusCode == 502 && a.Code == "key_changed" && call.key == keyID:
					told[2].Add(1)
				default:
					t.Errorf("%s: %d %s, executed: %v", call.key, a.StatusCode, a.body, was)
					return
				}
			}
		})
	}
	for range 150 {
		some := told[0].Load() + told[2].Load()
		until(t, "calls are answered", func() bool { return told[0].Load()+told[2].Load() > some || t.Failed() })
		begin := time.Now()
		r.change(r.gateway.Sessions, func(*latchkey.Key) {})
		// On a machine that is so busy that the wait is given up, nobody can say.
		if n := r.gateway.Sessions.Outlived(keyID); n > 0 && time.Since(begin) < time.Second {
			t.Errorf("%d calls outlived their version", n)
		}
	}
	stop.Store(true)
	all.Wait()
	if told[0].Load() == 0 || told[2].Load() == 0 {
		t.Errorf("answered, refused, cut: %d %d %d", told[0].Load(), told[1].Load(), told[2].Load())
	}
}

// metric returns the sum of a family.
func (r *rig) metric(name string) (sum float64) {
	r.t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}
