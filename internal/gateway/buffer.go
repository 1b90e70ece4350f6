package gateway

import (
	"errors"
	"io"
	"sync"
	"unicode/utf8"
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

// Why a message cannot be read to its end.
var (
	errTooLong = errors.New("the message is too large")
	errUTF8    = errors.New("the message is not UTF-8")
)

// read reads one text message of at most a number of bytes. Room is made as
// bytes arrive, whatever length a frame announces (CWE-789). Bytes that no
// UTF-8 can go on from end it at once (RFC 6455, 8.1).
func (b *buffers) read(r io.Reader, most int) ([]byte, error) {
	buf, checked := b.get(), 0
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		whole := checked + wholeRunes(buf[checked:])
		switch {
		case len(buf) > most:
			return nil, errTooLong
		case !utf8.Valid(buf[checked:whole]):
			return nil, errUTF8
		case errors.Is(err, io.EOF) && whole < len(buf):
			return nil, errUTF8
		case errors.Is(err, io.EOF):
			return buf, nil
		case err != nil:
			return nil, err
		}
		checked = whole
	}
}

// wholeRunes returns how many bytes there are before a rune at the end that
// lacks some of its own.
func wholeRunes(p []byte) int {
	for i := len(p) - 1; i >= max(0, len(p)-utf8.UTFMax); i-- {
		if utf8.RuneStart(p[i]) {
			if utf8.FullRune(p[i:]) {
				break
			}
			return i
		}
	}
	return len(p)
}
