package sandbox

import (
	"context"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fasthttp/websocket"

	"latchkey/identity"
)

// pipes is a listener in memory: a connection without buffers, under the clock
// of a synctest bubble.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.done)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	p.conns <- far
	return near, nil
}

// bubble runs a test with an exchange whose sessions live by a clock that jumps
// when everybody waits. open makes a session.
func bubble(t *testing.T, test func(t *testing.T, d *desk, open func(target string, caller identity.Caller) *bot)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		p := &pipes{make(chan net.Conn), make(chan struct{})}
		server := &http.Server{Handler: d.Handler()}
		go func() { _ = server.Serve(p) }()
		defer func() {
			d.close()
			_ = server.Close()
		}()
		dialer := &websocket.Dialer{NetDialContext: p.dial}
		test(t, d, func(target string, caller identity.Caller) *bot {
			conn, _, err := d.shake(dialer, "http://exchange", target, caller)
			if err != nil {
				t.Fatal(err)
			}
			b := &bot{conn, t}
			expect(t, "greeting", b.next().raw, `{"e":"connected"}`)
			return b
		})
	})
}

// The clock starts anew with each message and each ping frame, not with pushes.
func TestASilentSessionEndsAfterSixtySeconds(t *testing.T) {
	for name, c := range map[string]struct {
		keep func(*bot)
		want time.Duration
	}{
		"silent":     {func(*bot) {}, idleLimit},
		"message":    {func(b *bot) { b.say(`{"e":"ping"}`); b.next() }, idleLimit + 59*time.Second},
		"ping frame": {func(b *bot) { _ = b.WriteMessage(websocket.PingMessage, nil) }, idleLimit + 59*time.Second},
		"pong frame": {func(b *bot) { _ = b.WriteMessage(websocket.PongMessage, nil) }, idleLimit},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, d *desk, open func(string, identity.Caller) *bot) {
				b, begin := open("ws-public", nobody()), time.Now()
				time.Sleep(59 * time.Second) // the bubble's clock
				c.keep(b)
				b.mustEnd(websocket.CloseNormalClosure, "No message came for 60 seconds")
				if lived := time.Since(begin); lived != c.want {
					t.Errorf("lived %v, want %v", lived, c.want)
				}
			})
		})
	}
}

// A client that stops reading is told that it missed something, and until then
// misses nothing; the engine never waits for it, nor does any other session.
func TestASlowReaderIsEndedAndOthersAreNot(t *testing.T) {
	bubble(t, func(t *testing.T, d *desk, open func(string, identity.Caller) *bot) {
		slow, quick := open("ws", signed("acme", "read")), open("ws", signed("acme", "read"))
		var got int
		done := make(chan struct{})
		const all = 2 * longestQueue
		go func() {
			defer close(done)
			for ; got < all; got++ {
				quick.next()
			}
		}()
		synctest.Wait()
		for i := range all {
			d.mu.Lock()
			d.tell(topic{client: "acme"}, "account_update", i)
			d.mu.Unlock()
			synctest.Wait() // quick has read it
		}
		<-done
		// One was being written when the queue began to fill.
		for i := range longestQueue + 1 {
			if m := slow.next(); decode[int](t, m) != i {
				t.Fatalf("message %d is %s", i, m.raw)
			}
		}
		slow.mustEnd(websocket.ClosePolicyViolation, "Too many messages wait")
		synctest.Wait()
		if d.mu.Lock(); len(d.audience[topic{client: "acme"}]) != 1 {
			t.Error("the slow session still counts as a listener")
		}
		d.mu.Unlock()
	})
}

// A client that does not even take the reason is cut off.
func TestASessionThatTakesNothingIsCut(t *testing.T) {
	bubble(t, func(t *testing.T, d *desk, open func(string, identity.Caller) *bot) {
		b, begin := open("ws-public", nobody()), time.Now()
		b.say(`{"e":"unknown","oid":"1"}`)
		synctest.Wait()
		d.close()
		if lasted := time.Since(begin); lasted != linger {
			t.Errorf("the end took %v, want %v", lasted, linger)
		}
	})
}

// Requests of a client that reads no answers wait in its own connection.
func TestAnswersDoNotPileUp(t *testing.T) {
	bubble(t, func(t *testing.T, d *desk, open func(string, identity.Caller) *bot) {
		b := open("ws-public", nobody())
		go func() {
			for range 3 {
				b.say(`{"e":"get_pairs_info","oid":"1"}`)
			}
		}()
		synctest.Wait()
		d.mu.Lock()
		for s := range d.sessions {
			if s.mu.Lock(); len(s.waiting) > 1 {
				t.Errorf("%d answers wait", len(s.waiting))
			}
			s.mu.Unlock()
		}
		d.mu.Unlock()
		for range 3 {
			expect(t, "answer", b.next().OK, "ok")
		}
		synctest.Wait()
	})
}

// Quotes follow the clock while somebody listens, without any request.
func TestTheMarketMovesByItselfWhileSomebodyListens(t *testing.T) {
	bubble(t, func(t *testing.T, d *desk, open func(string, identity.Caller) *bot) {
		d.Exchange.now = time.Now // the bubble's
		d.clock = time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			d.Run(ctx)
			close(ended)
		}()
		quiet := d.at
		time.Sleep(10 * time.Second)
		if d.mu.Lock(); !d.at.Equal(quiet) {
			t.Error("the market moved while nobody listened")
		}
		d.mu.Unlock()
		d.clock = time.Now()
		b := open("ws-public", nobody())
		book := decode[bookChange](t, b.ask("order_book_subscribe", "1", `{"pair":"BTC-USD"}`))
		begin := time.Now()
		for range 50 {
			book.apply(t, decode[bookChange](t, b.next()))
		}
		if lasted := time.Since(begin).Round(time.Second); lasted != 50*quoteEvery {
			t.Errorf("50 pushes in %v", lasted)
		}
		best := d.byPair["BTC-USD"].pair.bid(time.Now(), 0).String()
		if !slices.ContainsFunc(book.Bids, func(l [2]string) bool { return l[0] == best }) {
			t.Errorf("%s is not among the bids %v", best, book.Bids)
		}
		cancel()
		b.mustEnd(websocket.CloseGoingAway, "stops")
		<-ended
	})
}

// A GTD order ends on time for its owner too who only listens.
func TestAnOrderExpiresWithoutARequest(t *testing.T) {
	d := newDesk(t)
	d.call("acme", "do_my_new_order", d.orderBody("BUY", "Limit", `"amountCcy1":"0.01","price":"7500","timeInForce":"GTD","expireTime":`+
		"1772452840000"))
	s := d.overhear(topic{client: "acme"})
	d.clock = d.clock.Add(10 * time.Second)
	d.tick()
	if len(s.waiting) == 0 {
		t.Fatal("nobody was told")
	}
	if report, ok := s.waiting[0].Data.(executionReport); !ok || report.Status != expired {
		t.Errorf("told %+v", s.waiting[0])
	}
}
