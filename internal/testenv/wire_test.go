package testenv_test

import (
	"crypto/rand"
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

// ill says what is wrong with something that Latchkey depends on.
type ill string

const (
	well    ill = "well"
	refused ill = "refused" // nobody listens
	hanging ill = "hanging" // connections are taken, and nothing comes any more
	slow    ill = "slow"    // each piece takes 300 ms in each direction
	garbage ill = "garbage" // answers are random bytes
)

// wire is a way to something that Latchkey depends on, which can fall ill.
type wire struct {
	t               testing.TB
	network, target string
	addr            string

	mu    sync.Mutex
	ill   ill
	moved chan struct{} // closed when ill changes
	ln    net.Listener
	conns map[net.Conn]struct{}
	tries int // pieces that came since it fell ill
}

func newWire(t testing.TB, network, target string) *wire {
	t.Helper()
	w := &wire{t: t, network: network, target: target, addr: lonely() + ":0", ill: well, moved: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	w.listen()
	t.Cleanup(func() { w.become(refused) })
	return w
}

// lonely is a loopback address that nobody else takes. While nobody listens the
// port is free, and on 127.0.0.1 any connection that goes out could be given it.
func lonely() string {
	b := make([]byte, 3)
	_, _ = rand.Read(b) // never fails
	return net.IPv4(127, 64+b[0]%64, b[1], b[2]|1).String()
}

// listen takes the address of before, so that it is found again.
func (w *wire) listen() {
	ln, err := net.Listen("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.ln, w.addr = ln, ln.Addr().String()
	go func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			go w.connect(from)
		}
	}()
}

// become changes what is wrong. What was held back while it hung is delivered;
// what talked nonsense is hung up on.
func (w *wire) become(to ill) {
	w.mu.Lock()
	defer w.mu.Unlock()
	from := w.ill
	if from == to {
		return
	}
	w.ill, w.tries = to, 0
	close(w.moved)
	w.moved = make(chan struct{})
	if to == refused {
		_ = w.ln.Close()
	}
	if to == refused || from == garbage {
		for c := range w.conns {
			_ = c.Close()
		}
	}
	if from == refused {
		w.listen()
	}
}

func (w *wire) now() (ill, chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ill, w.moved
}

// tried tells whether something came since it fell ill; who is refused leaves
// no trace.
func (w *wire) tried() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tries == 0 && w.ill != refused {
		return errors.New("nobody has tried")
	}
	return nil
}

func (w *wire) connect(from net.Conn) {
	to, err := net.Dial(w.network, w.target)
	if err != nil {
		_ = from.Close()
		return
	}
	w.mu.Lock()
	if w.ill == refused { // it was taken just before: its end is that of both copies
		_, _ = from.Close(), to.Close()
	}
	w.conns[from], w.conns[to] = struct{}{}, struct{}{}
	w.mu.Unlock()
	go w.copy(to, from, from)
	w.copy(from, to, from)
}

// copy ends both connections when either does. client is the one of Latchkey.
func (w *wire) copy(to, from, client net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		w.mu.Lock()
		w.tries++
		w.mu.Unlock()
		state, moved := w.now()
		for state == hanging {
			<-moved
			state, moved = w.now()
		}
		switch {
		case state == garbage && n > 0:
			_, _ = rand.Read(buf[:400])
			_, err = client.Write(buf[:400])
		case n > 0:
			if state == slow {
				time.Sleep(300 * time.Millisecond) // of the network, in real time
			}
			if _, fault := to.Write(buf[:n]); fault != nil {
				err = fault
			}
		}
		if err != nil {
			break
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range []net.Conn{to, from} {
		_ = c.Close()
		delete(w.conns, c)
	}
}
