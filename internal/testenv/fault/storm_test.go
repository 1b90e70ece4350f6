//go:build fault

package fault

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/testenv/postgres"
	"latchkey/signature"
)

const (
	atOnce  = 8               // strikes on their way at the same time
	stormed = 2 * time.Second // window of the gateways; it decides how soon orders pass again after Redis was lost
)

// strike is one signed order that is sent to every gateway at the same moment.
type strike struct {
	*call
	id, body, stamp string
	first           []string // the answers to the first time that it was sent
}

// strikes sends orders to everybody.
type strikes struct {
	*site
	mu  sync.Mutex
	all []*strike
}

// newStorm starts a site with keys that trade.
func newStorm(t *testing.T, p plan) *strikes {
	p.lease, p.keys, p.window = time.Second, 4, stormed
	s := newSite(t, postgres.NewPair(t), p)
	for i := range s.slots {
		s.turn(t.Context(), s.consoles[0], i)
	}
	return &strikes{site: s}
}

// fresh makes an order and sends it to everybody. One that is signed for a time
// to come is good for longer.
func (s *strikes) fresh(rng *rand.Rand, ahead time.Duration) *strike {
	id := strconv.FormatInt(s.number.Add(1), 10)
	at := time.Now().Add(ahead)
	k := &strike{call: &call{key: s.slots[rng.IntN(len(s.slots))].Load(), at: s.machines[0], trade: true, sent: s.now()}, id: id, body: `{"call":"` + id + `"}`, stamp: signature.Timestamp(at)}
	s.calls.Store(id, k.call)
	k.first = s.send(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, k)
	return k
}

// send gives the order to all gateways at once and returns their answers.
func (s *strikes) send(k *strike) []string {
	codes := make([]string, len(s.machines))
	begin := make(chan struct{})
	var sending sync.WaitGroup
	for i, m := range s.machines {
		req, err := k.request(*m.gateway.Load(), "do_my_new_order", k.body, k.stamp)
		if err != nil {
			s.fault("%v", err)
			return codes
		}
		sending.Go(func() {
			var own call
			<-begin
			if res, err := m.client.Do(req); err == nil {
				own.read(res)
			}
			codes[i] = own.code
		})
	}
	close(begin)
	sending.Wait()
	return codes
}

// answers counts the gateways that gave that answer.
func (k *strike) answers(code string) (n int) {
	for _, c := range k.first {
		if c == code {
			n++
		}
	}
	return n
}

// storm sends so many new orders.
func (s *strikes) storm(ctx context.Context, seed uint64, most int) {
	var sending sync.WaitGroup
	for i := range atOnce {
		rng := rand.New(rand.NewPCG(seed, uint64(600+i)))
		sending.Go(func() {
			for n := i; n < most && ctx.Err() == nil && len(s.wrong()) == 0; n += atOnce {
				s.once(s.fresh(rng, time.Duration(rng.IntN(2))*time.Second))
			}
		})
	}
	sending.Wait()
}

// once notes an order that arrived more than once.
func (s *strikes) once(k *strike) {
	if n := k.arrivals(); n > 1 {
		s.fault("order %s arrived %d times; it was answered with %v at first", k.id, n, k.first)
	}
}

// repeat sends orders again that were just sent, until the context ends.
func (s *strikes) repeat(ctx context.Context, rng *rand.Rand) {
	for ctx.Err() == nil && len(s.wrong()) == 0 {
		pause(ctx, 5*time.Millisecond)
		s.mu.Lock()
		if len(s.all) == 0 {
			s.mu.Unlock()
			continue
		}
		newest := s.all[max(0, len(s.all)-400):]
		k := newest[rng.IntN(len(newest))]
		s.mu.Unlock()
		s.send(k)
		s.once(k)
	}
}

// TestAnOrderThatEveryGatewayGetsIsExecutedOnce sends STORM orders, each to all
// five gateways at the same moment. While Redis is well each arrives exactly
// once. Then Redis is killed and comes back empty again and again, and what was
// sent before is sent again: each arrives at most once.
func TestAnOrderThatEveryGatewayGetsIsExecutedOnce(t *testing.T) {
	seed, most := number(t, "FAULTSEED", rand.Uint64()), int(number(t, "STORM", 10000))
	t.Logf("FAULTSEED=%d repeats the choices of this run", seed)
	s := newStorm(t, plan{program: build(t, "")})
	s.settle()
	begin := s.now()
	s.storm(t.Context(), seed, most)
	unsure := 0
	for _, k := range s.all {
		s.once(k)
		allowed, replayed := k.answers("allowed"), k.answers("replayed")
		switch {
		case allowed+replayed < len(s.machines) && allowed <= 1:
			unsure++ // Redis, or a gateway, took too long on a busy computer
		case allowed != 1 || k.arrivals() != 1:
			s.fault("order %s arrived %d times, and was answered with %v", k.id, k.arrivals(), k.first)
		}
	}
	t.Logf("%d orders to %d gateways each in %v; of %d not every gateway could say something", len(s.all), len(s.machines), (s.now() - begin).Round(time.Millisecond), unsure)
	if unsure > most/2 {
		t.Errorf("%d of %d orders were not decided though Redis was well", unsure, most)
	}
	lost := s.lose(t.Context(), seed, 3+most/10000)
	passed := 0
	for _, k := range s.all {
		s.once(k)
		passed += k.arrivals()
	}
	t.Logf("with Redis lost %d times: %d of %d orders passed, none twice", lost, passed, len(s.all))
	for _, fault := range s.wrong() {
		t.Error(fault)
	}
}

// settle waits until orders pass: what was signed before the epoch of Redis is
// refused.
func (s *strikes) settle() {
	rng := rand.New(rand.NewPCG(1, 1))
	for end := s.now() + readyLimit; ; pause(s.t.Context(), 50*time.Millisecond) {
		if k := s.fresh(rng, 0); k.arrivals() > 0 {
			s.mu.Lock()
			s.all = nil
			s.mu.Unlock()
			return
		}
		if s.now() > end {
			s.t.Fatal("no order passes")
		}
	}
}

// lose takes Redis away with all that it remembers, so many times, while new
// orders and old ones are sent. In between orders pass again.
func (s *strikes) lose(ctx context.Context, seed uint64, times int) (lost int) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	rng := rand.New(rand.NewPCG(seed, 700))
	var sending sync.WaitGroup
	sending.Go(func() { s.storm(ctx, seed+1, 1<<31) })
	for i := range 2 {
		sending.Go(func() { s.repeat(ctx, rand.New(rand.NewPCG(seed, uint64(710+i)))) })
	}
	for lost < times && len(s.wrong()) == 0 {
		before := s.passed()
		for end := s.now() + readyLimit; s.passed() < before+20 && len(s.wrong()) == 0; pause(ctx, 10*time.Millisecond) {
			if s.now() > end {
				s.fault("no order passes after Redis was lost %d times", lost)
			}
		}
		if rng.IntN(3) == 0 {
			s.redis.Do(s.t, "FLUSHALL")
		} else {
			s.redis.Kill(s.t) // it keeps nothing
			pause(ctx, time.Duration(rng.IntN(300))*time.Millisecond)
			s.redis.Restart(s.t)
		}
		lost++
		pause(ctx, time.Duration(rng.IntN(2000))*time.Millisecond) // sometimes it is lost again at once
	}
	stop()
	sending.Wait()
	return lost
}

// passed is how many orders have reached the exchange.
func (s *strikes) passed() int {
	s.site.mu.Lock()
	defer s.site.mu.Unlock()
	return len(s.landed)
}

// TestGatewaysThatDoNotShareWhatTheySawAreFoundOut has two twins: gateways that
// each have a Redis of their own, and gateways that rely on one that forgot.
func TestGatewaysThatDoNotShareWhatTheySawAreFoundOut(t *testing.T) {
	for name, apart := range map[string]bool{"a Redis for each": true, "a Redis that forgot": false} {
		t.Run(name, func(t *testing.T) {
			s := newStorm(t, plan{program: build(t, "faulty"), env: []string{"LATCHKEY_FAULTY=epoch"}, apart: apart})
			s.settle()
			if apart {
				s.storm(t.Context(), 1, 1000)
			} else {
				s.lose(t.Context(), 1, 50)
			}
			wrong := s.wrong()
			if len(wrong) == 0 || !strings.Contains(wrong[0], "times") {
				t.Errorf("it was not found: %v", wrong)
			}
			t.Logf("after %d orders: %v", len(s.all), first(wrong))
		})
	}
}
