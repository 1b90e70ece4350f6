package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
)

// Size is the length of a raw MAC in bytes.
const Size = sha256.Size

// MAC computes HMAC-SHA256 (RFC 2104) under one secret many times: after the
// first use it keeps the padded key's state and does not allocate. The zero
// value has no secret and refuses everything. A MAC must not be used by two
// goroutines at once.
type MAC struct {
	hash hash.Hash
	// sum lives here because a slice of a local array would escape through the
	// hash.Hash interface, one allocation for each request.
	sum [Size]byte
}

// NewMAC takes the secret as its text, byte for byte; never decode it first.
// An empty secret gives a MAC that refuses everything: a key whose secret could
// not be opened must not turn into a key that anybody can sign for.
func NewMAC(secret []byte) *MAC {
	if len(secret) == 0 {
		return &MAC{}
	}
	return &MAC{hash: hmac.New(sha256.New, secret)}
}

// compute returns the MAC over three parts as if they were one. The result is
// valid until the next call; it is nil without a secret.
func (m *MAC) compute(a, b, c []byte) []byte {
	if m == nil || m.hash == nil {
		return nil
	}
	m.hash.Reset()
	// hash.Hash promises that Write never returns an error.
	m.hash.Write(a)
	m.hash.Write(b)
	m.hash.Write(c)
	return m.hash.Sum(m.sum[:0])
}

// matches compares raw MACs, not their text, in a time that does not depend on
// where they differ (CWE-208).
func (m *MAC) matches(want *[Size]byte, a, b, c []byte) bool {
	got := m.compute(a, b, c)
	return len(got) == Size && hmac.Equal(got, want[:])
}
