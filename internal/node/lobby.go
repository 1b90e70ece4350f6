package node

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
)

// lobby is where the console's connections wait. net/http accepts as many as
// come, and gives each half a minute to say what it wants: enough of them take
// the descriptors that gateway and database need (CWE-770). So their number is
// bounded, in all and by client; and when the places are taken, the connection
// that has waited longest without a whole request makes room, or, where none
// waits, the one that has sent its body or read its answer for longest. It is
// one of the same client where it is the client's share that is used up, and
// one of a client that holds many while there is such a client. Who asks quickly
// gets through, however many are slow, and who holds few keeps them.
type lobby struct {
	net.Listener
	most, mostEach int
	trusted        []netip.Prefix // proxies bring many clients: they have no share

	mu      sync.Mutex
	open    int
	each    map[netip.Prefix]int // the zero value: those without a share
	waiting *list.List           // of *guest, who has waited longest first
	served  *list.List           // the same of those whose request has arrived
}

// guest is one connection.
type guest struct {
	net.Conn
	lobby *lobby
	peer  netip.Prefix
	once  sync.Once
	queue *list.List // waiting or served; nil when it was sent away or has ended
	place *list.Element
}

// newLobby bounds the connections of a listener. 0 is an eighth of the
// descriptors that the process may open: the gateway's door takes more.
func newLobby(ln net.Listener, most int, trusted []netip.Prefix) *lobby {
	if most == 0 {
		most = mostGuests()
	}
	return &lobby{Listener: ln, most: most, mostEach: max(most/4, 1), trusted: trusted, each: map[netip.Prefix]int{}, waiting: list.New(), served: list.New()}
}

func mostGuests() int {
	const usual = 4 << 10 // browsers of owners; a node does not have more
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 128
	}
	return max(int(min(limit.Cur/8, usual)), 1)
}

// Accept returns the next connection that there is room for. The others are
// closed without a word: an answer would hold the descriptor that is to be saved.
func (l *lobby) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g := &guest{Conn: c, lobby: l, peer: l.peer(c)}
		in, out := l.enter(g)
		if out != nil {
			_ = out.Close()
		}
		if in {
			return g, nil
		}
		_ = c.Close()
	}
}

// enter takes a place, and names whom that drives out.
func (l *lobby) enter(g *guest) (in bool, out *guest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case g.peer.IsValid() && l.each[g.peer] >= l.mostEach:
		out = l.longest(func(other *guest) bool { return other.peer == g.peer })
	case l.open >= l.most:
		crowd, most := l.crowd()
		out = l.longest(func(other *guest) bool { return most <= few || other.peer == crowd })
	default:
		return l.seat(g), nil
	}
	if out == nil {
		return false, nil
	}
	out.move(nil)
	return l.seat(g), out
}

// few is what two browsers behind one address hold: each opens six (over TLS
// one). Who has no more does not go before those who have waited longer.
const few = 12

// crowd is the client with the most connections.
func (l *lobby) crowd() (crowd netip.Prefix, most int) {
	for peer, n := range l.each {
		if n > most {
			crowd, most = peer, n
		}
	}
	return crowd, most
}

// seat counts a connection. Until the one that it drove out is closed there is
// one more than may be.
func (l *lobby) seat(g *guest) bool {
	l.open++
	l.each[g.peer]++
	g.move(l.waiting)
	return true
}

// longest finds who makes room of those that are meant, nil for nobody.
func (l *lobby) longest(meant func(*guest) bool) *guest {
	for _, queue := range []*list.List{l.waiting, l.served} {
		for at := queue.Front(); at != nil; at = at.Next() {
			if g, ok := at.Value.(*guest); ok && meant(g) {
				return g
			}
		}
	}
	return nil
}

// move puts a connection at the end of a queue; nil is none.
func (g *guest) move(to *list.List) {
	if g.queue != nil {
		g.queue.Remove(g.place)
	}
	if g.queue = to; to != nil {
		g.place = to.PushBack(g)
	}
}

// noted hears from the server what a connection does: it waits from its begin,
// or from its last answer, until a whole head has arrived.
func (l *lobby) noted(c net.Conn, state http.ConnState) {
	if over, ok := c.(*tls.Conn); ok {
		c = over.NetConn()
	}
	g, ok := c.(*guest)
	if !ok {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case g.queue == nil: // sent away before the server has seen it
	case state == http.StateIdle:
		g.move(l.waiting)
	case state == http.StateActive:
		g.move(l.served)
	}
}

// peer is whom a connection counts for: an IPv4 address or an IPv6 /64, which is
// what one customer gets. The zero value counts for nobody.
func (l *lobby) peer(c net.Conn) netip.Prefix {
	a, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	addr := a.AddrPort().Addr().Unmap()
	for _, p := range l.trusted {
		if p.Contains(addr) {
			return netip.Prefix{}
		}
	}
	p, _ := addr.Prefix(min(addr.BitLen(), 64)) // an address has these bits
	return p
}

// Close gives the place back; a connection may be closed more than once.
func (g *guest) Close() error {
	g.once.Do(func() {
		l := g.lobby
		l.mu.Lock()
		defer l.mu.Unlock()
		g.move(nil)
		l.open--
		if l.each[g.peer]--; l.each[g.peer] == 0 {
			delete(l.each, g.peer)
		}
	})
	return g.Conn.Close()
}

// CloseWrite lets the server end an answer before the connection: a client that
// was still sending would otherwise lose it.
func (g *guest) CloseWrite() error {
	if half, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
