package verify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding"
	"hash"
	"sync"

	"latchkey"
)

// midstate is a secret made ready for HMAC-SHA256 (RFC 2104): the two states of
// the hash behind the padded secret. It saves two of the four compressions and
// all the set-up of a short message, and the table keeps no secret as text. Who
// reads it can sign, so it is guarded like the secret. The zero value fits no
// signature.
type midstate struct {
	inner, outer [sha256.Size]byte
	set          bool
}

// Layout of a marshalled SHA-256: magic, state, unhashed rest, length. Both
// sides of it are this process; were it to change, every MAC would be refused
// and TestMidstate would fail.
const (
	stateAt  = 4
	stateEnd = stateAt + sha256.Size
)

func newMidstate(secret latchkey.Secret) midstate {
	if secret == "" {
		return midstate{}
	}
	// RFC 2104, 2: a key longer than a block is hashed first.
	key := []byte(secret.Reveal())
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	m := midstate{set: true}
	copy(m.inner[:], padded(key, 0x36)[stateAt:stateEnd])
	copy(m.outer[:], padded(key, 0x5c)[stateAt:stateEnd])
	return m
}

// padded returns the marshalled hash of one block: the key, XORed with pad.
func padded(key []byte, pad byte) []byte {
	var block [sha256.BlockSize]byte
	copy(block[:], key)
	for i := range block {
		block[i] ^= pad
	}
	h := sha256.New()
	h.Write(block[:])
	state, err := h.(encoding.BinaryAppender).AppendBinary(nil)
	if err != nil || len(state) < stateEnd {
		return make([]byte, stateEnd) // never happens; and fits no signature
	}
	return state
}

// hasher is the working space of one MAC.
type hasher struct {
	hash  hash.Hash
	load  encoding.BinaryUnmarshaler // the same hash
	state []byte                     // marshalled; only the state in it changes
	sum   [sha256.Size]byte
}

func newHasher() *hasher {
	h := sha256.New()
	// The standard library promises this for its hashes since Go 1.10.
	return &hasher{hash: h, load: h.(encoding.BinaryUnmarshaler), state: padded(nil, 0)}
}

// matches reports whether want is the MAC over three parts as if they were one.
func (h *hasher) matches(m *midstate, want *[sha256.Size]byte, a, b, c []byte) bool {
	// Both restores and the comparison happen whatever came before: the time
	// must not depend on the secret, nor on whether there is one.
	ok := h.restore(&m.inner)
	h.hash.Write(a) // hash.Hash promises that Write never fails
	h.hash.Write(b)
	h.hash.Write(c)
	h.hash.Sum(h.sum[:0])
	ok = h.restore(&m.outer) && ok
	h.hash.Write(h.sum[:])
	h.hash.Sum(h.sum[:0])
	return hmac.Equal(h.sum[:], want[:]) && ok && m.set
}

func (h *hasher) restore(state *[sha256.Size]byte) bool {
	copy(h.state[stateAt:stateEnd], state[:])
	return h.load.UnmarshalBinary(h.state) == nil
}

// hasherPool lends hashers, so that a MAC allocates nothing.
type hasherPool struct{ pool sync.Pool }

func (p *hasherPool) get() *hasher {
	if h, ok := p.pool.Get().(*hasher); ok {
		return h
	}
	return newHasher()
}

func (p *hasherPool) put(h *hasher) { p.pool.Put(h) }
