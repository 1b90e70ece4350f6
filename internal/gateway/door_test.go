package gateway_test

import (
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"latchkey/internal/gateway"
)

// full is a listener on a system that has no room a few times.
type full struct {
	net.Listener
	errs []error
}

func (f *full) Accept() (net.Conn, error) {
	if len(f.errs) == 0 {
		return f.Listener.Accept()
	}
	err := f.errs[0]
	f.errs = f.errs[1:]
	return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", err)}
}

// The attack: a few hundred idle connections, more than the process may open
// files. The next one cannot be accepted, the library takes that for the end of
// the listener, and the whole node ends.
func TestASystemWithoutRoomDoesNotEndTheGateway(t *testing.T) {
	r := build(t)
	l := listen(t)
	r.address = l.Addr().String()
	none := &full{l, []error{syscall.EMFILE, syscall.ENFILE, syscall.ECONNABORTED, syscall.EMFILE}}
	r.serve(func() error { return r.gateway.Serve(none) })
	r.is(r.do(r.good().raw()), 200, "", "")
}

// limited sets the bounds of the door.
func limited(all, each int) func(*gateway.Config) {
	return func(c *gateway.Config) { c.MaxConns, c.MaxConnsEach = all, each }
}

// settle opens connections and asks something on each, so that they count.
func (r *rig) settle(n int) []client {
	r.t.Helper()
	var all []client
	for range n {
		c := r.dial()
		c.send(public("get_ticker", "{}"))
		r.is(c.receive(), 200, "", "")
		all = append(all, c)
	}
	return all
}

// The attack: one address opens connections and leaves them idle until there
// are none left for anybody else. It gets its share, and one more is closed at
// once, but a place that it gives back can be taken again.
func TestOneAddressGetsItsShareOfConnections(t *testing.T) {
	r := newRig(t, limited(100, 2))
	open := r.settle(2)
	r.turnedAway()
	_ = open[0].Close()
	r.reopens()
}

// turnedAway checks that a connection is closed long before a silent one is.
func (r *rig) turnedAway() {
	r.t.Helper()
	c := r.dial()
	if err := c.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
		r.t.Fatal(err)
	}
	c.ended()
}

// reopens checks that a connection is taken again, as soon as the gateway has
// seen the end of the closed one.
func (r *rig) reopens() {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		c := r.dial()
		_, _ = c.Conn.Write([]byte(public("get_ticker", "{}"))) // may meet a closed connection
		resp, err := http.ReadResponse(c.Reader, nil)
		_ = c.Close()
		if err == nil {
			_ = resp.Body.Close()
			return
		}
	}
	r.t.Error("the place of a closed connection is not free again")
}

// The attack comes from many addresses, or through the proxy: the number of all
// connections is bounded too. A trusted proxy may bring as many as that.
func TestAllConnectionsTogetherAreBounded(t *testing.T) {
	r := newRig(t, trust("127.0.0.1/32"), limited(3, 1))
	open := r.settle(3)
	r.turnedAway()
	_ = open[0].Close()
	r.reopens()
}

// A refused request closes its connection; its place must not stay taken.
func TestARefusalGivesThePlaceBack(t *testing.T) {
	r := newRig(t, limited(100, 1))
	c := r.dial()
	c.send("GET / HTTP/1.1\nHost: g\n\n")
	r.is(c.receive(), 400, "bad_request", "CR LF")
	c.ended()
	r.reopens()
}
