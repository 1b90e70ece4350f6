package gateway

import "time"

// Paced reports how many of the messages at these moments after the first one
// a session may send.
func Paced(each int, after ...time.Duration) (passed int) {
	p, begin := pace{each: each}, time.Now()
	for _, d := range after {
		if p.take(begin.Add(d)) {
			passed++
		}
	}
	return passed
}

// Open reads a message's envelope, and says with which code and status the
// session would end; none when it would not.
func Open(message []byte) (kind string, oid []byte, code string, status int) {
	m, end := open(message)
	if end != nil {
		return "", nil, end.code, end.status
	}
	return m.kind, m.oid, "", 0
}

// Doors returns how many connections of clients have a place.
func (g *Gateway) Doors() int {
	g.door.mu.Lock()
	defer g.door.mu.Unlock()
	return g.door.open
}

// Dialing returns how many sessions are being opened at the exchange, or wait.
func (g *Gateway) Dialing() int { return len(g.legs.waiting) }

// MostDials is how many may be at once.
const MostDials = mostDials

// Grace makes sessions wait so long for a lease; before Serve.
func (g *Gateway) Grace(d time.Duration) { g.pause.grace = d }

// Pause returns how a gateway looks at its lease, and what a session waits for.
func Pause(held func() bool) (look func(now time.Time) (over bool), wait func(now time.Time) <-chan struct{}) {
	p := newPause(held)
	return p.look, p.begin
}
