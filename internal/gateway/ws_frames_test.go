package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// frameCase is one case of the Autobahn test suite, by its number there. What
// Autobahn has echoed is a call here, whose data is the pattern.
type frameCase struct {
	id    string
	send  []string // frames
	chop  int      // bytes of a piece; 0: everything at once; perFrame: one frame
	texts []string // that come back, in this order
	pongs []string
	close int  // with which the gateway closes; 0: the client closes with 1000 when it has read everything
	own   bool // the client's close stands among the frames
}

const (
	perFrame = -1
	before   = `{"e":"get_ticker","oid":"x","data":"`
	after    = `"}`
)

func call1(data string) string { return before + data + after }

// pieces makes one message of a call, whose data is cut into fragments.
func pieces(op byte, data ...string) (frames []string) {
	data = slices.Clone(data)
	data[0] = before + data[0]
	data[len(data)-1] += after
	for i, part := range data {
		first := byte(goesOn)
		if i == 0 {
			first = op
		}
		if i == len(data)-1 {
			first |= fin
		}
		frames = append(frames, frame(first, part))
	}
	return frames
}

// cut takes a text apart into parts of a size.
func cut(s string, size int) (parts []string) {
	for len(s) > size {
		parts, s = append(parts, s[:size]), s[size:]
	}
	return append(parts, s)
}

func stars(n int) string { return strings.Repeat("*", n) }

// sized is a call whose whole message has so many bytes.
func sized(n int) string { return call1(stars(n - len(call1("")))) }

func ok(id string, chop int, frames []string, texts ...string) frameCase {
	return frameCase{id: id, chop: chop, send: frames, texts: texts}
}

func broken(id string, code int, frames ...string) frameCase {
	return frameCase{id: id, send: frames, close: code}
}

// Section 1: framing. Binary messages are refused by this protocol.
func section1() (all []frameCase) {
	for i, c := range []struct{ size, chop int }{{0, 0}, {125, 0}, {126, 0}, {127, 0}, {128, 0}, {65535, 0}, {65536, 0}, {65536, 997}} {
		message := call1("")
		if c.size > 0 {
			message = sized(c.size)
		}
		all = append(all, ok(fmt.Sprint("1.1.", i+1), c.chop, []string{frame(fin|text, message)}, message),
			broken(fmt.Sprint("1.2.", i+1), 1000, frame(fin|binaryOp, strings.Repeat("\xfe", c.size))))
	}
	return all
}

// Section 2: pings and pongs.
func section2() []frameCase {
	answered := func(id string, chop int, pings ...string) frameCase {
		c := frameCase{id: id, chop: chop, pongs: pings}
		for _, p := range pings {
			c.send = append(c.send, frame(fin|ping, p))
		}
		return c
	}
	ten := strings.Split("payload-0 payload-1 payload-2 payload-3 payload-4 payload-5 payload-6 payload-7 payload-8 payload-9", " ")
	unasked := frame(fin|pong, "unsolicited pong payload")
	return []frameCase{
		answered("2.1", 0, ""), answered("2.2", 0, "Hello, world!"), answered("2.3", 0, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"),
		answered("2.4", 0, strings.Repeat("\xfe", 125)), broken("2.5", 1002, frame(fin|ping, strings.Repeat("\xfe", 126))),
		answered("2.6", 1, strings.Repeat("\xfe", 125)), ok("2.7", 0, []string{frame(fin|pong, "")}), ok("2.8", 0, []string{unasked}),
		{id: "2.9", send: []string{unasked, frame(fin|ping, "ping payload")}, pongs: []string{"ping payload"}},
		answered("2.10", 0, ten...), answered("2.11", 1, ten...),
	}
}

// Section 3: reserved bits, which no extension gave a meaning.
func section3() (all []frameCase) {
	good, asks := frame(fin|text, call1("Hello")), frame(fin|ping, "")
	bad := func(rsv byte, op byte, payload string) string { return frame(fin|rsv<<4|op, payload) }
	all = []frameCase{
		broken("3.1", 1002, bad(1, text, call1("Hello"))),
		broken("3.2", 1002, good, bad(2, text, call1("Hello")), asks),
		broken("3.3", 1002, good, bad(3, text, call1("Hello")), asks),
		broken("3.4", 1002, good, bad(4, text, call1("Hello")), asks),
		broken("3.5", 1002, bad(5, binaryOp, "\x00\xff")), broken("3.6", 1002, bad(6, ping, "Hello")), broken("3.7", 1002, bad(7, closing, "")),
	}
	all[2].chop, all[3].chop = perFrame, 1
	return all
}

// Section 4: opcodes that mean nothing.
func section4() (all []frameCase) {
	good, asks := frame(fin|text, call1("Hello")), frame(fin|ping, "")
	for i, base := range []byte{3, 11} {
		op := func(n byte, payload string) string { return frame(fin|(base+n), payload) }
		id := fmt.Sprintf("4.%d.", i+1)
		all = append(all, broken(id+"1", 1002, op(0, "")), broken(id+"2", 1002, op(1, "reserved opcode payload")),
			broken(id+"3", 1002, good, op(2, ""), asks), broken(id+"4", 1002, good, op(3, "reserved opcode payload"), asks),
			broken(id+"5", 1002, good, op(4, "reserved opcode payload"), asks))
	}
	return all
}

// Section 5: fragments.
func section5() []frameCase {
	whole := frame(fin|text, call1("Hello, world!"))
	lost := func(first byte) []string { return []string{frame(first, "non-continuation payload"), whole} }
	asked := func(id string, chop int) frameCase {
		p := pieces(text, "fragment1", "fragment2")
		return frameCase{id: id, chop: chop, send: []string{p[0], frame(fin|ping, "ping payload"), p[1]},
			texts: []string{call1("fragment1fragment2")}, pongs: []string{"ping payload"}}
	}
	chopped := func(id string, chop int, frames []string) frameCase {
		c := broken(id, 1002, frames...)
		c.chop = chop
		return c
	}
	five := func(id string, chop int) frameCase {
		p := pieces(text, "fragment1", "fragment2", "fragment3", "fragment4", "fragment5")
		send := []string{p[0], p[1], frame(fin|ping, "pongme 1!"), p[2], p[3], frame(fin|ping, "pongme 2!"), p[4]}
		return frameCase{id: id, chop: chop, send: send, texts: []string{call1("fragment1fragment2fragment3fragment4fragment5")},
			pongs: []string{"pongme 1!", "pongme 2!"}}
	}
	two, both := pieces(text, "fragment1", "fragment2"), call1("fragment1fragment2")
	twice := func(first byte) []string {
		return append(append(lost(first)[:1:1], two...), append(lost(first)[:1:1], two...)...)
	}
	return []frameCase{
		broken("5.1", 1002, frame(ping, "fragment1"), frame(fin|goesOn, "fragment2")),
		broken("5.2", 1002, frame(pong, "fragment1"), frame(fin|goesOn, "fragment2")),
		ok("5.3", 0, two, both), ok("5.4", perFrame, two, both), ok("5.5", 1, two, both),
		asked("5.6", 0), asked("5.7", perFrame), asked("5.8", 1),
		chopped("5.9", 0, lost(fin|goesOn)), chopped("5.10", perFrame, lost(fin|goesOn)), chopped("5.11", 1, lost(fin|goesOn)),
		chopped("5.12", 0, lost(goesOn)), chopped("5.13", perFrame, lost(goesOn)), chopped("5.14", 1, lost(goesOn)),
		broken("5.15", 1002, append(two[:2:2], lost(goesOn)...)...), broken("5.16", 1002, twice(goesOn)...), broken("5.17", 1002, twice(fin|goesOn)...),
		broken("5.18", 1002, two[0], frame(fin|text, "fragment2")), five("5.19", 0), five("5.20", perFrame),
	}
}

// Section 7: the end of a connection.
func section7() (all []frameCase) {
	closed := func(id string, code int, frames ...string) frameCase {
		return frameCase{id: id, send: frames, close: code, own: true}
	}
	two, normal := pieces(text, "fragment1", "fragment2"), closeWith(1000, "")
	echoed := closed("7.1.1", 1000, frame(fin|text, call1("Hello")), normal)
	large := closed("7.1.6", 1000, frame(fin|text, sized(64<<10)), normal, frame(fin|ping, ""))
	all = []frameCase{
		echoed, closed("7.1.2", 1000, normal, normal), closed("7.1.3", 1000, normal, frame(fin|ping, "")),
		closed("7.1.4", 1000, normal, frame(fin|text, call1("late"))), closed("7.1.5", 1000, two[0], normal, two[1]), large,
		// An empty close is meant by one byte, too: docs/decisions/0013.
		closed("7.3.1", noStatus, frame(fin|closing, "")), closed("7.3.2", noStatus, frame(fin|closing, "a")),
		closed("7.3.3", 1000, normal), closed("7.3.4", 1000, closeWith(1000, "Hello World!")), closed("7.3.5", 1000, closeWith(1000, stars(123))),
		closed("7.3.6", 1002, closeWith(1000, stars(124))), closed("7.5.1", 1002, closeWith(1000, "\xce\xba\xed\xa0\x80\x65")),
		closed("7.13.1", 1002, closeWith(5000, "")), closed("7.13.2", 1002, closeWith(65535, "")),
	}
	for i, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		all = append(all, closed(fmt.Sprint("7.7.", i+1), int(code), closeWith(code, "")))
	}
	for i, code := range []uint16{0, 999, 1004, 1005, 1006, 1014, 1015, 1016, 1100, 2000, 2999} {
		all = append(all, closed(fmt.Sprint("7.9.", i+1), 1002, closeWith(code, "")))
	}
	return all
}

// Section 9: limits. Messages end at 64 KiB here, so what Autobahn does with 1
// and 4 MiB is done with 64 KiB, and the sizes above are refused with 1009.
func section9() (all []frameCase) {
	both := func(number, i, chop int, frames, refused []string, message string, code int) {
		id := fmt.Sprintf(".%d", i+1)
		good := frameCase{id: fmt.Sprint("9.", number) + id, chop: chop, send: frames, close: code}
		if code == 0 {
			good.texts = []string{message}
		}
		all = append(all, good, frameCase{id: fmt.Sprint("9.", number+1) + id, chop: chop, send: refused, close: 1000})
	}
	whole := func(op byte, s string) []string { return []string{frame(fin|op, s)} }
	for i, size := range []int{64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20} {
		m := sized(size)
		both(1, i, 0, whole(text, m), whole(binaryOp, m), m, map[bool]int{true: 0, false: 1009}[size == 64<<10])
	}
	for i, size := range []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20} {
		total, code := 64<<10, 0
		if size > total {
			total, code = 4<<20, 1009
		}
		m := sized(total)
		data := cut(m[len(before):len(m)-len(after)], size)
		both(3, i, 0, pieces(text, data...), pieces(binaryOp, data...), m, code)
	}
	for i, chop := range []int{64, 128, 256, 512, 1 << 10, 2 << 10} {
		m := sized(64 << 10)
		both(5, i, chop, whole(text, m), whole(binaryOp, m), m, 0)
	}
	for i, size := range []int{0, 16, 64, 256, 1 << 10, 4 << 10} { // the round trips of 1,000 messages
		c := frameCase{id: fmt.Sprintf("9.7.%d", i+1), chop: 16 << 10}
		for n := range 1000 {
			m := call1(stars(size) + fmt.Sprint(n))
			c.send, c.texts = append(c.send, frame(fin|text, m)), append(c.texts, m)
		}
		all = append(all, c, broken(fmt.Sprintf("9.8.%d", i+1), 1000, frame(fin|binaryOp, stars(size))))
	}
	return all
}

// Section 10: fragments that a library makes by itself.
func section10() []frameCase {
	m := sized(64 << 10)
	return []frameCase{ok("10.1.1", 0, pieces(text, cut(m[len(before):len(m)-len(after)], 1300)...), m)}
}

func TestFramesByTheCasesOfAutobahn(t *testing.T) {
	all := slices.Concat(section1(), section2(), section3(), section4(), section5(), section6(), section7(), section9(), section10())
	ids := map[string]bool{}
	for _, c := range all {
		ids[c.id] = true
	}
	if len(ids) != len(all) || len(all) < 301 {
		t.Fatalf("there are %d cases with %d numbers, want 301", len(all), len(ids))
	}
	r := frameRig(t)
	for _, c := range all {
		t.Run(c.id, func(t *testing.T) {
			defer r.during(t)()
			c.run(r)
		})
	}
	if names := r.log.String(); strings.Contains(names, "a session met a fault") {
		t.Error("a session met a fault in the gateway")
	}
}

func (c frameCase) run(r *rig) {
	r.t.Helper()
	w := r.upgraded("/api/ws-public")
	written := make(chan struct{})
	go func() { // the gateway may answer, and close, before it has read everything
		defer close(written)
		c.write(w)
	}()
	var got seen
	if c.close == 0 {
		w.until(&got, func() bool { return len(got.texts) >= len(c.texts) && len(got.pongs) >= len(c.pongs) || got.close != 0 })
		<-written
		w.send(closeWith(1000, ""))
		c.close, c.own = 1000, true
	}
	w.until(&got, func() bool { return false })
	_ = w.Close()
	<-written
	if got.close != c.close {
		r.t.Errorf("closed with %d %q, %s, want %d", got.close, got.reason, got.end, c.close)
	}
	// What the client or the library closes has no "disconnected" before it.
	if told := got.end != ""; told == (c.own || c.close == 1002) {
		r.t.Errorf("closed with %d, and disconnected is %q", got.close, got.end)
	}
	c.compare(r.t, got)
}

// compare looks at what came back. Replies make a round through the exchange,
// so a connection that ends early may be without the last of them.
func (c frameCase) compare(t testing.TB, got seen) {
	t.Helper()
	whole := []string{call1("Hello"), call1("fragment1fragment2"), sized(64 << 10)} // that were sent before a fault or a close
	if len(c.texts) == 0 && len(got.texts) == 1 && slices.Contains(whole, got.texts[0]) {
		got.texts = nil
	}
	if !slices.Equal(got.texts, c.texts) || !slices.Equal(got.pongs, c.pongs) {
		t.Errorf("came back %.200q, pongs %q; want %.200q, pongs %q", got.texts, got.pongs, c.texts, c.pongs)
	}
}

func (c frameCase) write(w wire) {
	parts := c.send
	if c.chop != perFrame {
		parts = []string{strings.Join(c.send, "")}
	}
	if c.chop > 0 {
		parts = cut(parts[0], c.chop)
	}
	for _, p := range parts {
		if _, err := w.Conn.Write([]byte(p)); err != nil {
			return // the gateway has closed, and what it said is read
		}
	}
}
