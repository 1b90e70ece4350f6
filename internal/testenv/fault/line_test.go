//go:build fault

package fault

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// line is a way to the database that can be cut in each direction: what was
// sent meanwhile arrives when it is mended, as over TCP. It can be slow, too,
// and it can break.
type line struct {
	ln     net.Listener
	target atomic.Pointer[string] // socket of the database, for new connections
	there  way                    // to the database
	back   way

	mu    sync.Mutex
	conns map[net.Conn]struct{}
}

// way is one direction.
type way struct {
	mu    sync.Mutex
	open  chan struct{} // closed while bytes pass; nil likewise
	delay time.Duration
}

func newLine(t testing.TB, target string) *line {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := &line{ln: ln, conns: map[net.Conn]struct{}{}}
	l.target.Store(&target)
	go l.accept()
	t.Cleanup(func() {
		_ = ln.Close()
		l.mend()
		l.reset()
	})
	return l
}

func (l *line) port() int { return l.ln.Addr().(*net.TCPAddr).Port }

func (l *line) accept() {
	for {
		from, err := l.ln.Accept()
		if err != nil {
			return
		}
		go l.connect(from)
	}
}

func (l *line) connect(from net.Conn) {
	to, err := net.Dial("unix", *l.target.Load())
	if err != nil {
		_ = from.Close()
		return
	}
	l.mu.Lock()
	l.conns[from], l.conns[to] = struct{}{}, struct{}{}
	l.mu.Unlock()
	go l.copy(to, from, &l.there)
	l.copy(from, to, &l.back)
}

// copy ends both connections when either does.
func (l *line) copy(to io.Writer, from io.Reader, w *way) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		w.pass()
		if n > 0 {
			if _, fault := to.Write(buf[:n]); fault != nil {
				err = fault
			}
		}
		if err != nil {
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range []any{to, from} {
		_ = c.(net.Conn).Close()
		delete(l.conns, c.(net.Conn))
	}
}

// pass waits until the way is open.
func (w *way) pass() {
	w.mu.Lock()
	open, delay := w.open, w.delay
	w.mu.Unlock()
	if open != nil {
		<-open
	}
	if delay > 0 {
		time.Sleep(delay) // real time: other processes wait for it
	}
}

func (w *way) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = make(chan struct{})
	}
}

func (w *way) mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.delay = 0; w.open != nil {
		close(w.open)
		w.open = nil
	}
}

func (w *way) slow(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delay = d
}

func (l *line) mend() {
	l.there.mend()
	l.back.mend()
}

// reset breaks all connections.
func (l *line) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
	}
}
