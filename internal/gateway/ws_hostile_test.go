package gateway_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"latchkey/internal/gateway"

	"github.com/fasthttp/websocket"
)

// roomy is a gateway that takes in many clients of one address.
func roomy(c *gateway.Config) {
	c.MaxConns, c.MaxConnsEach, c.MaxSessions = 4000, 4000, 4000
	c.MaxMessages, c.Points, c.PublicPoints = 1<<30, 1<<30, 1<<30
}

// until waits for what other goroutines are about to do.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("it never happens that %s", what)
		}
	}
}

// empty checks that every connection and session is given back.
func (r *rig) empty() {
	r.t.Helper()
	until(r.t, "all connections are given back", func() bool { return r.gateway.Doors() == 0 && len(r.gateway.Sessions.List(keyID)) == 0 })
}

// allocated returns how many bytes were allocated in the meantime, by both
// ends of the connections.
func allocated(work func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A client's message costs what it may be long, a few times over for growing,
// whatever it announces and sends.
func TestALargeMessageCostsLittle(t *testing.T) {
	const most = 1 << 20
	ten := stars(10 << 20)
	fragments := frame(text, before) + strings.Repeat(frame(goesOn, stars(1000)), 10_000)
	empties := frame(text, before) + strings.Repeat(frame(goesOn, ""), 100_000)
	r := frameRig(t, func(c *gateway.Config) { c.HeadTimeout = 300 * time.Millisecond })
	for name, c := range map[string]struct {
		frames string
		status int
		code   string
	}{
		"10 MB":                {announce(fin|text, 10<<20) + masked(ten), 1009, "too_large"},
		"10 MB of pieces":      {fragments, 1009, "too_large"},
		"2^62 bytes":           {announce(fin|text, 1<<62) + masked(ten[:100_000]), 1009, "too_large"},
		"2^62 in silence":      {announce(fin|text, 1<<62), 1008, "too_slow"},
		"2^63 bytes":           {announce(fin|text, 1<<63), 1009, "too_large"},
		"2^64-1 bytes":         {announce(fin|text, 1<<64-1), 1009, "too_large"},
		"2^62 binary":          {announce(fin|binaryOp, 1<<62), 1000, "bad_request"},
		"2^62 bytes of a ping": {announce(fin|ping, 1<<62), 1002, ""},
		"sum of 2^63":          {frame(text, "*") + announce(goesOn, 1<<63-1), 1009, "too_large"},
		"nothing, for ever":    {empties, 1008, "too_slow"},
	} {
		t.Run(name, func(t *testing.T) {
			defer r.during(t)()
			got := allocated(func() {
				w := r.upgraded("/api/ws-public")
				sent := make(chan struct{})
				go func() { // is cut off somewhere
					defer close(sent)
					_, _ = w.Conn.Write([]byte(c.frames))
				}()
				w.left(c.status, c.code)
				<-sent
			}) - uint64(len(c.frames)) // for the conversion above
			if got > most {
				t.Errorf("it cost %d bytes, at most %d are allowed", got, most)
			}
		})
	}
	r.empty()
}

// A thousand clients that announce the longest message and send none of it
// take about as much as a thousand that are idle.
func TestAnnouncingIsNotHavingRoom(t *testing.T) {
	const clients, most = 1000, 32 << 10 // bytes of heap and stacks for each, both ends of it
	r := frameRig(t, roomy)
	used := func() int64 { // signed: what the tests before have left may go meanwhile
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse + m.StackInuse)
	}
	before, all := used(), make([]net.Conn, clients)
	answer := make([]byte, 4096)
	for i := range all {
		c, err := net.Dial("tcp", r.address)
		if err != nil {
			t.Fatal(err)
		}
		all[i] = c
		if _, err := fmt.Fprintf(c, handshake+"%s", "/api/ws-public", announce(fin|text, 64<<10)); err != nil {
			t.Fatal(err)
		}
		for n, seen := 0, ""; !strings.Contains(seen, `{"e":"connected"}`); seen += string(answer[:n]) {
			if n, err = c.Read(answer); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := (used() - before) / clients; got > most {
		t.Errorf("each takes %d bytes, at most %d are allowed", got, most)
	} else {
		t.Logf("each takes %d bytes", got)
	}
	for _, c := range all {
		_ = c.Close()
	}
	r.empty()
}

// Compression was not agreed on, though it was asked for.
func TestACompressedFrameBreaksTheProtocol(t *testing.T) {
	r := frameRig(t)
	w := wire{r.dial()}
	w.send(strings.Replace(fmt.Sprintf(handshake, "/api/ws-public"), "\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n", 1))
	w.switched()
	w.send(frame(fin|4<<4|text, "\xaa\x56\x4a\x55\xb2\x52\x2a\xc8\xcc\x4b\x57\xaa\x05\x00"))
	w.left(1002, "")
	r.empty()
}

// Nothing is queued for a client that does not read: the exchange waits, the
// client is cut off, and the exchange's connection ends with it.
func TestAClientThatNeverReadsIsCutOff(t *testing.T) {
	// The exchange may fill the system's buffers of two connections, and what is
	// in the heap is garbage of a collection's length.
	const mostSent, most = 48 << 20, 8 << 20
	r := build(t, roomy, func(c *gateway.Config) { c.SendTimeout = 200 * time.Millisecond })
	push, ended := []byte(`{"e":"tradeUpdate","data":"`+stars(64<<10)+`"}`), make(chan [2]uint64, 1)
	r.exchange.ws.serve = func(conn *websocket.Conn) {
		before, highest, n := live(), uint64(0), 0
		for ; conn.WriteMessage(websocket.TextMessage, push) == nil; n++ {
			if n%16 == 0 {
				highest = max(highest, live())
			}
		}
		ended <- [2]uint64{uint64(n * len(push)), highest - min(before, highest)}
	}
	r.start()
	w := r.upgraded("/api/ws-public", frame(fin|text, call1("x")))
	select {
	case got := <-ended:
		if got[0] > mostSent || got[1] > most {
			t.Errorf("the exchange sent %d bytes, at most %d are allowed; it cost %d, at most %d", got[0], mostSent, got[1], most)
		}
	case <-time.After(20 * time.Second):
		t.Error("the exchange still sends")
	}
	until(t, "the session ends", func() bool { return strings.Contains(r.log.String(), `"reason":"too_slow"`) })
	_ = w.Close()
	r.empty()
}

// live returns how many bytes of heap are in use.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestAClientThatTakesNoPongsIsCutOff(t *testing.T) {
	r := frameRig(t, func(c *gateway.Config) { c.SendTimeout = 200 * time.Millisecond })
	w := r.upgraded("/api/ws-public")
	pings := []byte(strings.Repeat(frame(fin|ping, stars(125)), 1000))
	for {
		if _, err := w.Conn.Write(pings); err != nil {
			break // its own deadline is much later
		}
	}
	_ = w.Close()
	until(t, "the session ends", func() bool { return strings.Contains(r.log.String(), `"reason":"too_slow"`) })
	r.empty()
}

// However a client leaves, its session and its leg end.
func TestAClientThatLeavesLeavesNothingBehind(t *testing.T) {
	whole := frame(fin|text, `{"e":"get_ticker","oid":"2","data":{}}`)
	for name, leave := range map[string]func(*net.TCPConn){
		"close": func(c *net.TCPConn) { _ = c.Close() },
		"reset": func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() },
		"reset inside of a frame": func(c *net.TCPConn) {
			_, _ = c.Write([]byte(whole[:len(whole)/2]))
			_ = c.SetLinger(0)
			_ = c.Close()
		},
		"half closed":                       func(c *net.TCPConn) { _ = c.CloseWrite() },
		"half closed inside of a frame":     func(c *net.TCPConn) { _, _ = c.Write([]byte(whole[:9])); _ = c.CloseWrite() },
		"half closed inside of a header":    func(c *net.TCPConn) { _, _ = c.Write([]byte(whole[:1])); _ = c.CloseWrite() },
		"half closed between two fragments": func(c *net.TCPConn) { _, _ = c.Write([]byte(frame(text, "{"))); _ = c.CloseWrite() },
		"closing frame, then silence":       func(c *net.TCPConn) { _, _ = c.Write([]byte(closeWith(1000, ""))) },
	} {
		t.Run(name, func(t *testing.T) {
			r := build(t)
			left := make(chan error, 1)
			r.exchange.ws.serve = func(conn *websocket.Conn) {
				r.exchange.ws.echo(conn)
				_, _, err := conn.ReadMessage() // gives the error again
				left <- err
			}
			r.start()
			w := r.upgraded("/api/ws-public", frame(fin|text, `{"e":"get_ticker","oid":"1","data":{}}`))
			var got seen
			w.until(&got, func() bool { return len(got.texts) > 0 })
			tcp, plain := w.Conn.(*net.TCPConn)
			if !plain {
				t.Fatal("the connection is not TCP")
			}
			leave(tcp)
			if err := <-left; !websocket.IsCloseError(err, 1000) {
				t.Errorf("the exchange's end is %v, want a close frame", err)
			}
			if !strings.HasPrefix(name, "half") && !strings.HasPrefix(name, "closing") {
				r.empty()
				return
			}
			if rest := w.rest(); len(rest.texts) > 0 {
				t.Errorf("afterwards came %q", rest.texts)
			}
			r.empty()
			if got := r.exchange.ws.take(); len(got) != 1 {
				t.Errorf("the exchange got %q", got)
			}
		})
	}
}

// Whatever ends them, a hundred sessions leave no descriptor open.
func TestSessionsGiveTheirDescriptorsBack(t *testing.T) {
	r := frameRig(t, roomy)
	open := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	call := frame(fin|text, call1("x"))
	ends := []func(wire){
		func(w wire) { _ = w.Close() },
		func(w wire) { w.send("\x81"); _ = w.Conn.(*net.TCPConn).SetLinger(0); _ = w.Close() },
		func(w wire) { w.send(closeWith(1000, "")); w.left(1000, "") },
		func(w wire) { w.send(frame(fin|binaryOp, "")); w.left(1000, "bad_request") },
		func(w wire) { w.send(frame(fin|3, "")); w.left(1002, "") },
		func(w wire) {
			for _, c := range r.exchange.ws.sessions() {
				_ = c.Close()
			}
			var got seen
			w.until(&got, func() bool { return got.close == 1012 })
			_ = w.Close()
		},
	}
	before := open()
	for i := range 100 {
		w := r.upgraded("/api/ws-public", call)
		var got seen
		w.until(&got, func() bool { return len(got.texts) > 0 })
		ends[i%len(ends)](w)
	}
	r.empty()
	until(t, "all descriptors are closed", func() bool { return open() <= before })
}
