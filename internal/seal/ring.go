package seal

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ring is one keyset, ready for use. It does not change after it was made.
type ring struct {
	handle  *keyset.Handle
	aead    tink.AEAD
	primary uint32
	macs    map[uint32][]byte // see MAC; by the number of the key
}

// newRing makes a keyset with one fresh AES-256-GCM key. Nonces are random: one
// key is good for 2^32 values, which no exchange seals in its life.
func newRing() (*ring, error) {
	return (&ring{}).rotated()
}

// rotated returns a ring with a fresh primary key in front of the old ones,
// which go on opening what they sealed.
func (r *ring) rotated() (*ring, error) {
	manager := keyset.NewManager()
	if r.handle != nil {
		manager = keyset.NewManagerFromHandle(r.handle)
	}
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	handle, err := manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("make a keyset: %w", err)
	}
	return ringOf(handle)
}

// parse reads a keyset in Tink's JSON format.
func parse(text []byte) (*ring, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("it is empty")
	}
	// The error of the reader is not passed on: it may quote what it read.
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(text)))
	if err != nil {
		return nil, errors.New("it is not a keyset in Tink's JSON format")
	}
	return ringOf(handle)
}

// ringOf makes a handle ready for use, or says in words without key material
// why it cannot be used.
func ringOf(handle *keyset.Handle) (*ring, error) {
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("it is not a keyset for authenticated encryption (AEAD)")
	}
	primary, err := handle.Primary()
	if err != nil {
		return nil, errors.New("it has no primary key")
	}
	macs, err := macKeys(handle)
	if err != nil {
		return nil, errors.New("its keys cannot be read")
	}
	r := &ring{handle: handle, aead: primitive, primary: primary.KeyID(), macs: macs}
	return r, r.try()
}

// try seals once: a keyset whose values do not begin with the mark would hide
// from a later re-sealing which of its keys sealed what.
func (r *ring) try() error {
	probe := &Box{}
	probe.ring.Store(r)
	sealed, err := probe.Seal("", "", "", nil)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(sealed, probe.Mark()) {
		return errors.New("its keys must have the output prefix type TINK")
	}
	return nil
}

// has reports whether the ring holds the key of that number, enabled.
func (r *ring) has(id uint32) bool {
	for i := range r.handle.Len() {
		e, err := r.handle.Entry(i)
		if err == nil && e.KeyID() == id && e.KeyStatus() == keyset.Enabled {
			return true
		}
	}
	return false
}

// text writes the keyset in clear: whoever holds it opens everything.
func (r *ring) text() ([]byte, error) {
	var out bytes.Buffer
	if err := insecurecleartextkeyset.Write(r.handle, keyset.NewJSONWriter(&out)); err != nil {
		return nil, fmt.Errorf("write the keyset: %w", err)
	}
	return append(out.Bytes(), '\n'), nil
}
