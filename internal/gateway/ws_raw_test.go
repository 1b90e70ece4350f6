package gateway_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"latchkey/internal/gateway"

	"github.com/fasthttp/websocket"
)

// First bytes of frames (RFC 6455, 5.2): FIN and opcode.
const (
	fin       = 0x80
	goesOn    = 0x0
	text      = 0x1
	binaryOp  = 0x2
	closing   = 0x8
	ping      = 0x9
	pong      = 0xa
	noStatus  = 1005 // an empty close frame
	handshake = "GET %s HTTP/1.1\r\nHost: gateway\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

// frame is a client's frame, masked as it must be.
func frame(first byte, payload string) string {
	return announce(first, uint64(len(payload))) + masked(payload)
}

var mask = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// announce is the header of a masked frame of a length, with its key.
func announce(first byte, length uint64) string {
	head := []byte{first}
	switch {
	case length < 126:
		head = append(head, 0x80|byte(length))
	case length < 1<<16:
		head = binary.BigEndian.AppendUint16(append(head, 0xfe), uint16(length))
	default:
		head = binary.BigEndian.AppendUint64(append(head, 0xff), length)
	}
	return string(append(head, mask[:]...))
}

func masked(payload string) string {
	p := []byte(payload)
	for i := range p {
		p[i] ^= mask[i%4]
	}
	return string(p)
}

// closeWith is a close frame with a status and a reason.
func closeWith(code uint16, reason string) string {
	return frame(fin|closing, string(binary.BigEndian.AppendUint16(nil, code))+reason)
}

// wire is a client that writes frames as it likes.
type wire struct{ client }

// upgraded opens a connection and reads the answer to the handshake; what is
// given goes out in the same piece.
func (r *rig) upgraded(path string, more ...string) wire {
	r.t.Helper()
	w := wire{r.dial()}
	w.send(fmt.Sprintf(handshake, path) + strings.Join(more, ""))
	w.switched()
	return w
}

func (w wire) switched() {
	w.t.Helper()
	resp, err := http.ReadResponse(w.Reader, nil)
	if err != nil {
		w.t.Fatalf("no answer: %v", err)
	}
	if resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || resp.Header.Get("Sec-WebSocket-Extensions") != "" {
		w.t.Fatalf("the handshake is answered with %d %v", resp.StatusCode, resp.Header)
	}
}

// frame reads one frame of the gateway's, which is always whole and not masked.
func (w wire) frame() (op byte, payload string, err error) {
	head := make([]byte, 2, 10)
	if _, err := io.ReadFull(w.Reader, head); err != nil {
		return 0, "", err
	}
	length := uint64(head[1])
	if size := map[byte]int{126: 2, 127: 8}[head[1]]; size > 0 {
		if _, err := io.ReadFull(w.Reader, head[2:2+size]); err != nil {
			return 0, "", err
		}
		length = 0
		for _, b := range head[2 : 2+size] {
			length = length<<8 | uint64(b)
		}
	}
	if head[0]&0xf0 != fin || length > 2<<20 || head[1]&0x80 != 0 {
		w.t.Fatalf("the gateway sends a frame with the header %x", head)
	}
	body := make([]byte, length)
	_, err = io.ReadFull(w.Reader, body)
	return head[0] & 0xf, string(body), err
}

// seen is what a client got.
type seen struct {
	texts, pongs []string
	end          string // code of "disconnected"
	close        int    // of the close frame; 0: none came
	reason       string
}

// until reads frames until enough says so or the connection ends.
func (w wire) until(got *seen, enough func() bool) {
	w.t.Helper()
	for !enough() {
		op, payload, err := w.frame()
		if err != nil {
			if !ended(err) {
				w.t.Errorf("the connection ends with %v", err)
			}
			return
		}
		if got.close != 0 {
			w.t.Errorf("after the close frame comes %x %q", op, payload)
		}
		got.take(w.t, op, payload)
	}
}

// ended tells the end of a connection from a gateway that is silent.
func ended(err error) bool {
	return err == io.EOF || strings.Contains(err.Error(), "reset") || strings.Contains(err.Error(), "broken pipe") || strings.Contains(err.Error(), "closed")
}

func (got *seen) take(t testing.TB, op byte, payload string) {
	t.Helper()
	var n note
	switch op {
	case text:
		if json.Unmarshal([]byte(payload), &n) == nil && n.E == "disconnected" {
			got.end = n.Code
		} else if got.end != "" {
			t.Errorf("after disconnected comes %q", payload)
		} else if n.E != "connected" {
			got.texts = append(got.texts, payload)
		}
	case pong:
		got.pongs = append(got.pongs, payload)
	case closing:
		if got.close = noStatus; len(payload) > 1 {
			got.close, got.reason = int(binary.BigEndian.Uint16([]byte(payload))), payload[2:]
		}
	default:
		t.Errorf("the gateway sends a frame of type %x", op)
	}
}

// rest reads to the end of the connection.
func (w wire) rest() (got seen) {
	w.t.Helper()
	w.until(&got, func() bool { return false })
	_ = w.Close()
	return got
}

// left checks with what a connection ends.
func (w wire) left(status int, code string) {
	w.t.Helper()
	if got := w.rest(); got.close != status || got.end != code {
		w.t.Errorf("the connection ends with %d %q, want %d %q; before it came %.200q", got.close, got.end, status, code, got.texts)
	}
}

// mirror is an exchange that sends every message back as it is.
func mirror(conn *websocket.Conn) {
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil || conn.WriteMessage(kind, message) != nil {
			return
		}
	}
}

// frameRig is one whose exchange is a mirror, and that counts nothing.
func frameRig(t testing.TB, change ...func(*gateway.Config)) *rig {
	t.Helper()
	r := build(t, append([]func(*gateway.Config){func(c *gateway.Config) {
		c.MaxMessages, c.PublicPoints, c.Points = 1<<30, 1<<30, 1<<30
	}}, change...)...)
	r.exchange.ws.serve = mirror
	return r.start()
}
