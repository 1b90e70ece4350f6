package gateway

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// acceptPause is how long the door waits when the system has no room for a
// connection: long enough not to burn a processor, short enough not to be felt.
const acceptPause = 20 * time.Millisecond

// accept takes the next connection that there is room for. The library takes
// every error of Accept for the end of the listener; that the system is out of
// descriptors, or that a client left the queue, passes (accept(2)).
func (g *Gateway) accept(l net.Listener) (net.Conn, *place, error) {
	for told := false; ; {
		c, err := l.Accept()
		switch {
		case err == nil:
			if p := g.door.enter(g.peer(c)); p != nil {
				return c, p, nil
			}
			// At once and without a word: an answer would cost the descriptor that
			// is to be saved for as long as the client likes.
			g.metrics.turnedAway.Inc()
			_ = c.Close()
		case !passing(err):
			return nil, nil, err
		default:
			if !told {
				g.Log.Error("no connection can be accepted for now; raise the limit of open files", "error", err)
			}
			told = true
			time.Sleep(acceptPause)
		}
	}
}

// passing reports whether Accept may succeed when it is tried again.
func passing(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}

// peer returns whom a connection counts for: an IPv4 address, or an IPv6 /64,
// which is what one customer gets. A trusted proxy brings many clients and
// counts for nobody, the zero value.
func (g *Gateway) peer(c net.Conn) netip.Prefix {
	addr, ok := addrOf(c.RemoteAddr())
	if !ok || g.trusted(addr) {
		return netip.Prefix{}
	}
	p, _ := addr.Prefix(min(addr.BitLen(), 64)) // an address has these bits
	return p
}

// door counts the connections that are open, so that one client can take
// neither all of them nor the descriptors that the rest of the node needs
// (CWE-770).
type door struct {
	most, mostEach int

	mu   sync.Mutex
	open int
	each map[netip.Prefix]int
}

// enter returns a place, or nil when there is none.
func (d *door) enter(peer netip.Prefix) *place {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open >= d.most || peer.IsValid() && d.each[peer] >= d.mostEach {
		return nil
	}
	d.open++
	if peer.IsValid() {
		d.each[peer]++
	}
	return &place{door: d, peer: peer}
}

// place is one open connection's.
type place struct {
	door *door
	peer netip.Prefix
	once sync.Once
}

// leave gives the place back; a connection may be closed more than once.
func (p *place) leave() {
	p.once.Do(func() {
		p.door.mu.Lock()
		defer p.door.mu.Unlock()
		p.door.open--
		if !p.peer.IsValid() {
			return
		}
		if p.door.each[p.peer]--; p.door.each[p.peer] == 0 {
			delete(p.door.each, p.peer)
		}
	})
}

// mostConns is the default number of connections: a quarter of the descriptors
// that the process may open, because each request takes another one to the
// exchange, and half stay for peers, files and the console.
func mostConns() int {
	const usual = 32 << 10 // more than that one node does not serve
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 256
	}
	return max(int(min(limit.Cur/4, usual)), 1)
}
