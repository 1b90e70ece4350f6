package gateway

import (
	"errors"
	"io"
	"sync"
)

// writers lends the buffers in which the library puts a frame together, for as
// long as one message takes.
var writers sync.Pool

// buffers lends room for messages that are read. A large one is not kept: a
// rare large message must not make every later one expensive.
type buffers struct{ pool sync.Pool }

const (
	smallMessage = 1 << 10
	largeMessage = 64 << 10
)

var messages buffers

func (b *buffers) get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return (*p)[:0]
	}
	return make([]byte, 0, smallMessage)
}

// put takes a buffer back, whose bytes nobody may hold any more.
func (b *buffers) put(p []byte) {
	if cap(p) >= smallMessage && cap(p) <= largeMessage {
		b.pool.Put(&p)
	}
}

// errTooLong is a message of more bytes than are taken.
var errTooLong = errors.New("the message is too large")

// read reads one message of at most a number of bytes. Room is made as bytes
// arrive, whatever length a frame announces (CWE-789).
func (b *buffers) read(r io.Reader, most int) ([]byte, error) {
	buf := b.get()
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > most:
			return nil, errTooLong
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, err
		}
	}
}
