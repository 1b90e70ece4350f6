// Package seal encrypts what must be readable again: the secrets of keys, the
// seeds and phone numbers of factors, the codes of pendings. A sealed value is
// bound to its table, column and row, so a ciphertext that somebody moves to
// another row does not open there.
package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
)

// ErrOpen says that a value was not sealed by this keyset for this place: it
// was changed or moved, or the keyset is not the one that sealed it.
var ErrOpen = errors.New("this value cannot be opened: it was changed or moved, or another keyset sealed it")

// Box seals and opens. It may be used from many goroutines, and its keyset
// changes under them without a pause (Rotate, Reload).
type Box struct {
	path string // the keyset's file; "" when it came as text
	mu   sync.Mutex
	ring atomic.Pointer[ring]
}

// Seal encrypts plain for one place. The result begins with the mark of the
// key that sealed it.
func (b *Box) Seal(table, column, row string, plain []byte) ([]byte, error) {
	sealed, err := b.ring.Load().aead.Encrypt(plain, place(table, column, row))
	if err != nil {
		return nil, fmt.Errorf("seal %s.%s: %w", table, column, err)
	}
	return sealed, nil
}

// Open decrypts what Seal made for the same place. Every failure is ErrOpen.
func (b *Box) Open(table, column, row string, sealed []byte) ([]byte, error) {
	plain, err := b.ring.Load().aead.Decrypt(sealed, place(table, column, row))
	if err != nil {
		return nil, fmt.Errorf("open %s.%s of %q: %w", table, column, row, ErrOpen)
	}
	return plain, nil
}

// Current is the number of the key that seals now.
func (b *Box) Current() uint32 { return b.ring.Load().primary }

// Mark is what every value begins with that the current key seals.
func (b *Box) Mark() []byte {
	return binary.BigEndian.AppendUint32([]byte{markByte}, b.Current())
}

// KeyID is the number of the key that sealed the value; 0 when it is not a
// sealed value at all.
func (b *Box) KeyID(sealed []byte) uint32 {
	if len(sealed) < markLength || sealed[0] != markByte {
		return 0
	}
	return binary.BigEndian.Uint32(sealed[1:markLength])
}

// LogValue hides the keyset from slog.
func (b *Box) LogValue() slog.Value {
	return slog.GroupValue(slog.Uint64("keyset_key", uint64(b.Current())))
}

// A sealed value begins with Tink's prefix: 1 and the key's number in big
// endian (Tink wire format, output prefix type TINK).
const (
	markByte   = 1
	markLength = 5
)

// place encodes the three names with their lengths: without them, ("ab", "c")
// and ("a", "bc") would be one place.
func place(table, column, row string) []byte {
	out := []byte("latchkey seal v1")
	for _, s := range []string{table, column, row} {
		out = binary.BigEndian.AppendUint32(out, uint32(len(s))) // #nosec G115 -- names and ids, a few bytes
		out = append(out, s...)
	}
	return out
}
