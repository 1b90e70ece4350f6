package gateway

import (
	"sync"
	"time"

	"github.com/fasthttp/websocket"
)

// How often the lease is looked at for sessions that wait, and for how long they
// do: a node that can renew again is back by then.
const (
	leaseLook  = 50 * time.Millisecond
	leaseGrace = 5 * time.Second
)

// pause lets sessions with a key wait while this node may not decide about keys.
// What a change took away could be pushed to a client then, and nobody here would
// know.
type pause struct {
	held  func() bool // nil: always
	grace time.Duration

	mu    sync.Mutex
	since time.Time     // of which it is known that the lease is lost; zero: it is not
	back  chan struct{} // closed when it is there again
}

func newPause(held func() bool) *pause {
	return &pause{held: held, grace: leaseGrace, back: make(chan struct{})}
}

// over reports whether sessions go on.
func (p *pause) over() bool { return p.held == nil || p.held() }

// begin returns what is closed when the pause may be over. It notes that there
// is one: the next look could find the lease already back.
func (p *pause) begin(now time.Time) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since.IsZero() {
		p.since = now
	}
	return p.back
}

// look wakes who waits if the lease is back, and reports whether it has been
// away for so long that nobody should wait any more.
func (p *pause) look(now time.Time) bool {
	held := p.over()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !held && p.since.IsZero():
		p.since = now
	case held && !p.since.IsZero():
		p.since = time.Time{}
		close(p.back)
		p.back = make(chan struct{})
	}
	return !held && now.Sub(p.since) >= p.grace
}

// watch looks after the pause until the gateway has stopped.
func (g *Gateway) watch() {
	tick := time.NewTicker(leaseLook)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			g.look(now)
		case <-g.stopping:
			return
		}
	}
}

// look ends the sessions that have waited for too long, each with another moment
// to come back.
func (g *Gateway) look(now time.Time) {
	defer func() { g.recovered(recover(), "watch", "lease") }()
	if !g.pause.look(now) {
		return
	}
	for _, s := range g.Sessions.keyed() {
		go func() {
			defer s.rescue()
			s.part(*spreadOut(partLease))
		}()
	}
}

// push sends what came from the exchange to the client, as long as this node may
// decide about keys; until then it waits, and with it all that comes behind. The
// look is the last thing before the message is written.
func (s *session) push(message []byte) {
	for {
		sent, err := s.try(message)
		if sent {
			s.taken(err)
			return
		}
		select {
		case <-s.g.pause.begin(time.Now()):
		case <-s.parted:
			return
		}
	}
}

// try sends a message of the exchange unless there is a pause.
func (s *session) try(message []byte) (sent bool, err error) {
	s.out.Lock()
	defer s.out.Unlock()
	if !s.public && s.g.on(guardPause) && !s.g.pause.over() {
		return false, nil
	}
	return true, s.conn.WriteMessage(websocket.TextMessage, message)
}
