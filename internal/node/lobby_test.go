package node

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

// served is a server of nothing behind a lobby with these bounds. When all have
// gone, no place may be taken.
func served(t *testing.T, most, each int, trusted ...netip.Prefix) (*httptest.Server, *lobby) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/wait":
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/mine":
			c, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = c.Close()
			}
		}
	}))
	l := newLobby(s.Listener, most, trusted)
	l.mostEach = each
	s.Listener, s.Config.ConnState = l, l.noted
	t.Cleanup(func() {
		s.Close()
		l.holds(t, 0, 0)
		if len(l.each) > 0 {
			t.Errorf("shares are counted of clients that have gone: %v", l.each)
		}
	})
	return s, l
}

// holds waits until so many connections wait, and so many are served.
func (l *lobby) holds(t *testing.T, waiting, served int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		open, got, working := l.open, l.waiting.Len(), l.served.Len()
		l.mu.Unlock()
		if open == waiting+served && got == waiting && working == served {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d are open, of which %d wait and %d are served; want %d and %d", open, got, working, waiting, served)
		}
	}
}

// slow opens a connection that says half of what it wants.
func slow(t *testing.T, s *httptest.Server, text string) net.Conn {
	t.Helper()
	return slowFrom(t, s, "127.0.0.1", text)
}

func slowFrom(t *testing.T, s *httptest.Server, from, text string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", s.Listener.Addr().String())
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
		_, err = fmt.Fprint(c, text)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ended waits for the end of a connection, much shorter than the server gives.
func ended(c net.Conn) bool {
	_ = c.SetReadDeadline(time.Now().Add(3 * time.Second))
	_, err := io.Copy(io.Discard, c) // the begin of an answer may have come
	late, ok := err.(net.Error)
	return !ok || !late.Timeout()
}

// asks makes a whole request on a connection of its own.
func asks(s *httptest.Server) error {
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(3 * time.Second))
	if _, err = fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: c\r\n\r\n"); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil {
		err = res.Body.Close()
	}
	return err
}

const half = "GET / HTTP/1.1\r\nHost: c\r\n"

// The attack: connections that never finish their head, as many as the console
// takes. Without somebody who makes room nobody else gets in for ten seconds,
// and then the next ones are there.
func TestWhoAsksQuicklyGetsInAmongSlowClients(t *testing.T) {
	for name, each := range map[string]int{"the share of one client is used up": 4, "all places are taken": 100} {
		t.Run(name, func(t *testing.T) {
			s, _ := served(t, map[bool]int{true: 100, false: 4}[each == 4], each)
			s.Start()
			first := slow(t, s, half)
			for range 12 {
				slow(t, s, half)
				if err := asks(s); err != nil {
					t.Fatalf("a quick client is not answered: %v", err)
				}
			}
			if !ended(first) {
				t.Error("the slowest client of all was not sent away")
			}
		})
	}
}

// The attack: as many requests as there are places, each of which is being
// answered for as long as its client likes. They hold the places only until
// somebody wants one; who only waits goes first.
func TestWhoTakesTheAnswerSlowlyMakesRoomAfterWhoOnlyWaits(t *testing.T) {
	s, l := served(t, 3, 3)
	s.Start()
	const wait = "GET /wait HTTP/1.1\r\nHost: c\r\n\r\n"
	first := slow(t, s, wait)
	l.holds(t, 0, 1)
	slow(t, s, wait)
	idle := slow(t, s, half)
	l.holds(t, 1, 2)
	slow(t, s, wait)
	if !ended(idle) {
		t.Error("who only waits did not make room")
	}
	l.holds(t, 0, 3)
	for range 6 {
		if err := asks(s); err != nil {
			t.Fatalf("a quick client is not answered: %v", err)
		}
	}
	if !ended(first) {
		t.Error("the first of the slow ones is still there")
	}
}

// The attack: somebody with some addresses opens one connection after the other,
// so that whoever needs a second to ask has waited longest in the meantime. Room
// is made by a client that holds many.
func TestWhoHoldsFewIsNotDrivenOutByACrowd(t *testing.T) {
	s, l := served(t, 30, 20)
	s.Start()
	owner := slowFrom(t, s, "127.0.0.2", half)
	l.holds(t, 1, 0)
	for i := range 200 {
		slowFrom(t, s, fmt.Sprintf("127.0.1.%d", i%2+1), half)
	}
	l.holds(t, 30, 0)
	if _, err := fmt.Fprint(owner, "\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = owner.SetDeadline(time.Now().Add(5 * time.Second))
	if res, err := http.ReadResponse(bufio.NewReader(owner), nil); err != nil || res.Body.Close() != nil {
		t.Errorf("the owner was sent away for one of 200: %v", err)
	}
}

// Over TLS the server tells of another connection than the one that came, and
// with HTTP/2 one connection has many requests: it waits when none is open. One
// that a handler took away gives its place back, too.
func TestPlacesAreGivenBackOverTLSAndHTTP2(t *testing.T) {
	s, l := served(t, 10, 10)
	s.EnableHTTP2 = true
	s.StartTLS()
	ctx, stop := context.WithCancel(t.Context())
	for range 3 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/wait", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := s.Client().Do(req)
		if err != nil || res.ProtoMajor != 2 {
			t.Fatalf("HTTP/2 is not spoken: %v", err)
		}
		defer res.Body.Close()
	}
	l.holds(t, 0, 1)
	stop()
	l.holds(t, 1, 0)
	s.Client().CloseIdleConnections()
	l.holds(t, 0, 0)
	old := s.Client()
	old.Transport.(*http.Transport).ForceAttemptHTTP2 = false
	old.Transport.(*http.Transport).TLSClientConfig.NextProtos = nil
	old.Transport.(*http.Transport).Protocols = &http.Protocols{}
	old.Transport.(*http.Transport).Protocols.SetHTTP1(true)
	if res, err := old.Get(s.URL + "/mine"); err == nil {
		t.Errorf("the connection that the handler took was answered: %v", res.Body.Close())
	}
	l.holds(t, 0, 0)
}

// Each client of a trusted proxy comes from the proxy's address.
func TestATrustedProxyHasNoShare(t *testing.T) {
	s, _ := served(t, 100, 1, netip.MustParsePrefix("127.0.0.0/8"))
	s.Start()
	first := slow(t, s, half)
	for range 5 {
		slow(t, s, half)
	}
	if _, err := fmt.Fprint(first, "\r\n"); err != nil {
		t.Fatal(err)
	}
	if res, err := http.ReadResponse(bufio.NewReader(first), nil); err != nil || res.Body.Close() != nil {
		t.Errorf("a client of the proxy was sent away for another: %v", err)
	}
}
