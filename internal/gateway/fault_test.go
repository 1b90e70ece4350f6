package gateway_test

import (
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"

	"latchkey/internal/gateway"
)

const canary = "lks_canary_in_a_panic"

// A fault while a message is judged, sent or pushed ends that session alone,
// leaves no lock behind, and tells nobody what it was about.
func TestAFaultInASessionLeavesTheOthersAlone(t *testing.T) {
	for _, at := range []string{"(*Checker).Message", "(*session).leave", "(*session).try"} {
		t.Run(at, func(t *testing.T) {
			var armed atomic.Bool
			r := newRig(t, roomy, func(c *gateway.Config) {
				c.Leased = func() bool {
					if armed.Load() && strings.Contains(string(debug.Stack()), at) {
						armed.Store(false)
						panic(canary)
					}
					return true
				}
			})
			b, other := r.logged(), r.logged()
			until(t, "the exchange has both sessions", func() bool { return len(r.exchange.ws.sessions()) == 2 })
			armed.Store(true)
			b.say(`{"e":"get_my_orders","oid":"1","data":{}}`)
			b.gone(1011, "unavailable")
			if n := other.ask("get_my_orders", "2", "{}"); n.OK != "ok" {
				t.Errorf("another session is answered with %s", n.raw)
			}
			r.is(r.do(r.good().raw()), 200, "", "")
			r.faulty(1, `"session":"ws_`)
			r.quick(ends["deactivated"])
			other.gone(4401, "key_changed")
			_, _ = b.Close(), other.Close()
			r.empty()
		})
	}
}

// The goroutine that looks after the lease goes on after a fault.
func TestAFaultOfTheLookAtTheLeaseIsSurvived(t *testing.T) {
	var calls atomic.Int64
	r := newRig(t, func(c *gateway.Config) {
		c.Leased = func() bool {
			if strings.Contains(string(debug.Stack()), "(*Gateway).look") && calls.Add(1) == 1 {
				panic(canary)
			}
			return true
		}
	})
	until(t, "it is looked at again", func() bool { return calls.Load() > 2 })
	r.faulty(1, "")
}

// faulty checks how many faults were counted, and that the log names the session
// and not what the fault was about.
func (r *rig) faulty(count float64, session string) {
	r.t.Helper()
	if n := r.metric("latchkey_gateway_faults_total"); n != count {
		r.t.Errorf("%v faults were counted", n)
	}
	log := r.log.String()
	if !strings.Contains(log, "met a fault in the gateway") || !strings.Contains(log, session) || strings.Contains(log, canary) {
		r.t.Errorf("the log is %s", log)
	}
}
